"""Frames of temporal segment networks, in whole numbers, one by one."""


def spread(num_frames, frames, clips):
    """The frames of each of several clips of a video.

    Of one clip they are the centres of the segments. Of two they are starts
    and centres: `num_frames * x // frames` and half a segment later.
    """
    odd = clips % 2
    return [
        [
            num_frames * (2 * (clips * x + clip) + odd) // (2 * clips * frames)
            for x in range(frames)
        ]
        for clip in range(clips)
    ]


def choices(num_frames, frames):
    """The frames of each segment, by their middle."""
    return [
        [
            n
            for n in range(num_frames)
            if 2 * num_frames * x
            <= (2 * n + 1) * frames
            < 2 * num_frames * (x + 1)
        ]
        for x in range(frames)
    ]
