package dev.nudge.text.jinja;

/// Bounds what one rendering may cost.
///
/// @param steps evaluated expressions and statements, and pieces of 64 characters that are copied
/// @param depth macros and recursive loops within each other
/// @param characters of one text
/// @param elements of one list
public record RenderLimits(long steps, int depth, int characters, int elements) {
  /// Far above what a conversation needs; reached within a second.
  public static final RenderLimits USUAL = new RenderLimits(5_000_000, 100, 1 << 26, 1_000_000);
}
