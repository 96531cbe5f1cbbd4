package dev.nudge.text.jinja;

/// Bounds what one rendering may cost.
///
/// @param steps most evaluated expressions and statements, and copied pieces of 64 characters
/// @param depth most nested macros and recursive loops
/// @param characters most characters of one text
/// @param elements most elements of one list
public record RenderLimits(long steps, int depth, int characters, int elements) {
  /// Far above what a conversation needs; reached within a second.
  public static final RenderLimits USUAL = new RenderLimits(5_000_000, 100, 1 << 26, 1_000_000);
}
