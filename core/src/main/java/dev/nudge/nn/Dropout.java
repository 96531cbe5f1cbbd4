package dev.nudge.nn;

/// Seeds the dropout masks of one optimiser step; the masks themselves are recomputed, never
/// stored.
///
/// @param seed mix of the run's seed and the step; 0 if `active` is false
public record Dropout(boolean active, long seed) {
  /// Drops nothing: evaluation and generation.
  public static final Dropout NONE = new Dropout(false, 0);

  /// Seeds the masks of a run's step.
  public static Dropout of(long seed, long step) {
    return new Dropout(true, seed * 0x9E3779B97F4A7C15L + step * 0xC2B2AE3D27D4EB4FL + 1);
  }
}
