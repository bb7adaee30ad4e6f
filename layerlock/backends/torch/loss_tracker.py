"""The metrics that Keras keeps: the mean loss, updated in place."""


def track(tracker, loss, num_examples):
    """Does what `tracker.update_state(loss, sample_weight=num_examples)` does.

    In three operations; Keras takes nine, which it checks first.

    Args:
        tracker: a `keras.metrics.Mean`.
        loss: scalar tensor, without gradient.
        num_examples: int.
    """
    total, count = tracker.total.value, tracker.count.value
    total.add_(loss.to(total.dtype) * num_examples)
    count.add_(num_examples)


def results(metrics) -> dict:
    """What `Model.get_metrics_result` returns, which finds them each time.

    Args:
        metrics: list of `keras.Metric`, those of a model.
    """
    found = {}
    for metric in metrics:
        result = metric.result()
        found |= result if isinstance(result, dict) else {metric.name: result}
    return found
