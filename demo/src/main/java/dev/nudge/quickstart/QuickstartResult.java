package dev.nudge.quickstart;

/// The result of a quickstart.
///
/// @param passed whether the adapter beats the base, and the merged folder equals base + adapter
/// @param seconds duration of the whole quickstart
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
