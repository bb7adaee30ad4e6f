"""Decodes frames in the order in which they are shown, with their times."""

import collections
import heapq

from layerlock.data import orientation, packets, streams

# Maximum displacement of a time stamp, in frames; codecs reorder by less.
_REORDER = 4
_REORDER_GUESSED = 16
_MAX_EARLY = 32  # frames that wait for the first stamp


def timed_frames(video, start: float):
    """Yields seconds, frames and orientations in the order of presentation.

    The order of the decoder is kept, and time stamps are sorted: the n-th
    frame gets the n-th smallest stamp of its neighbours. Missing stamps are
    extrapolated, those before the first one backwards. A stream without
    stamps yields nothing, unless it is read from its start.

    Args:
        video: a `streams.Video`, just opened.
        start: seconds. The first frame is the key frame before it, or a later
            one where seeks are not exact; 0 for all frames.
    """
    if start > 0 and video.stream.codec_context.pix_fmt == "pal8":
        return  # the palette may come with the first packet only
    is_guessed = packets.has_stamps_of_decoding(video)
    reorder = _REORDER_GUESSED if is_guessed else _REORDER
    waiting, times = collections.deque(), []
    for time, *shown in _timed(video, start):
        heapq.heappush(times, time)
        waiting.append(shown)
        if len(waiting) > reorder:
            yield heapq.heappop(times), *waiting.popleft()
    while waiting:
        yield heapq.heappop(times), *waiting.popleft()


def _timed(video, start):
    """Yields seconds, frames and orientations in the order of the decoder."""
    stream = video.stream
    step = 1 / streams.rate(stream)
    # Plain numbers, since fractions take longer than a small frame.
    tick, begin = float(stream.time_base), stream.start_time or 0
    # AVI stores no times of presentation. Those of decoding are as regular;
    # with B-frames, they depend on all frames before.
    is_avi = video.container.format.name == "avi"
    is_guessed = is_avi and stream.codec_context.has_b_frames
    early, end = [], None  # frames before the first stamp; end of the newest
    for frame, orient in _oriented(_decoded(video, start)):
        if is_guessed and start > 0 and frame.pts is not None:
            return
        stamp = frame.dts if is_avi else packets.stamp_of(frame)
        length = float(frame.duration or 0) * tick or step
        if stamp is not None:
            time = (stamp - begin) * tick
            yield from _ended(early, time)
            early = []
        elif end is not None:
            time = end
        elif start > 0:
            return
        else:
            early.append((length, frame, orient))
            if len(early) == _MAX_EARLY:
                end = sum(length for length, *_ in early)
                yield from _ended(early, end)
                early = []
            continue
        end = time + length
        yield time, frame, orient
    yield from _ended(early, sum(length for length, *_ in early))


def _ended(early, end):
    """Yields frames with times so that the last one ends at `end`."""
    time = end - sum(length for length, *_ in early)
    for length, *shown in early:
        yield time, *shown
        time += length


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
