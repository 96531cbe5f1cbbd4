package dev.nudge.quickstart;

/// Everything that a quickstart found.
///
/// @param passed whether the adapter is better than the base, and the merged folder is what base
/// and
///     adapter are
/// @param seconds from the first file read to the last
public record QuickstartResult(
    Chapter.Opened model,
    Chapter.Base base,
    Chapter.Trained training,
    Chapter.Adapted adapter,
    Chapter.Samples samples,
    Chapter.Merges merge,
    Chapter.Sizes sizes,
    boolean passed,
    double seconds) {}
