"""Decodes frames in the order in which they are shown, with their times."""

import collections
import heapq

from layerlock.data import orientation, packets, streams

# Maximum displacement of a time stamp, in frames; codecs reorder by less.
_REORDER = 4
_REORDER_GUESSED = 16


def timed_frames(video, start: float):
    """Yields seconds, frames and orientations in the order of presentation.

    The order of the decoder is kept, and time stamps are sorted: the n-th
    frame gets the n-th smallest stamp of its neighbours. Missing stamps are
    extrapolated. A stream without stamps yields nothing, unless it is read
    from its start.

    Args:
        video: a `streams.Video`, just opened.
        start: seconds. The first frame is the key frame before it, or a later
            one where seeks are not exact; 0 for all frames.
    """
    stream = video.stream
    step = 1 / streams.rate(stream)
    # Plain numbers, since fractions take longer than a small frame.
    tick, begin = float(stream.time_base), stream.start_time or 0
    # AVI stores no times of presentation. Those of decoding are as regular;
    # with B-frames, they depend on all frames before.
    is_avi = video.container.format.name == "avi"
    is_guessed = is_avi and stream.codec_context.has_b_frames
    reorder = _REORDER_GUESSED if is_guessed else _REORDER
    waiting, times, newest = collections.deque(), [], None
    for frame, orient in _oriented(_decoded(video, start)):
        if is_guessed and start > 0 and frame.pts is not None:
            return
        stamp = frame.dts if is_avi else packets.stamp_of(frame)
        if stamp is not None:
            newest = (stamp - begin) * tick
        elif newest is not None:
            newest += step
        elif start <= 0:
            newest = 0.0
        else:
            return
        heapq.heappush(times, newest)
        waiting.append((frame, orient))
        if len(waiting) > reorder:
            yield heapq.heappop(times), *waiting.popleft()
    while waiting:
        yield heapq.heappop(times), *waiting.popleft()


def _oriented(decoded):
    """Yields each frame with its orientation.

    A container has one for all frames. A video stream has it in its key
    frames, for the frames up to the next one, which do not repeat it.
    """
    orient = None
    for frame in decoded:
        if orient is None or frame.key_frame:
            orient = orientation.of_frame(frame)
        yield frame, orient


def _decoded(video, start):
    """Yields the frames of the decoder, over damaged packets.

    After a seek, frames before the first key frame are left out: they refer to
    frames that were not decoded. Only the marks of the decoder count, since
    some containers mark every packet; a decoder that marks no frame is used
    from the start of the video on.
    """
    import av

    started = start <= 0 or video.stream.codec_context.codec.intra_only
    error, shown = None, False
    for packet in packets.packets_from(video, start):
        try:
            decoded = packet.decode()
        except av.FFmpegError as failure:
            error = failure  # FFmpeg's programs go on after it, too
            continue
        for frame in decoded:
            started = started or frame.key_frame
            if started:
                shown = True
                yield frame
    if error is not None and not shown and start <= 0:
        raise error
