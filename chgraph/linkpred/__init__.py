"""Which links will appear: Cannistraci-Hebb rules, adaptive automata, classic baselines."""

from chgraph.linkpred.automata import BIPARTITE_METHODS, score_blocks
from chgraph.linkpred.evaluation import Evaluation, evaluate
from chgraph.linkpred.methods import METHODS
from chgraph.linkpred.predict import predict_links, score_links
from chgraph.linkpred.prediction import LinkPrediction
from chgraph.linkpred.scores import ScoredPairs, unlinked_scores

__all__ = [
    "BIPARTITE_METHODS",
    "METHODS",
    "Evaluation",
    "LinkPrediction",
    "ScoredPairs",
    "evaluate",
    "predict_links",
    "score_blocks",
    "score_links",
    "unlinked_scores",
]
