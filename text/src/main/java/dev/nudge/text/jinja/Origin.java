package dev.nudge.text.jinja;

/// The origin of a rendered character, as one number: a source (0: the template itself; messages of
/// a conversation count from 1), a part of the source (numbered by the caller), and the `{%
/// generation %}` block around it (0: none).
public final class Origin {
  /// The template itself.
  public static final long TEMPLATE = 0;

  private static final int PART_BITS = 8;
  private static final int SOURCE_BITS = 31;
  private static final long BELOW_BLOCK = (1L << PART_BITS + SOURCE_BITS) - 1;

  private Origin() {}

  /// Makes an origin.
  ///
  /// @param source from 1
  /// @param part from 0 to 255
  public static long of(int source, int part) {
    return (long) source << PART_BITS | part;
  }

  /// Returns the source, 0 for the template.
  public static int source(long origin) {
    return (int) ((origin & BELOW_BLOCK) >>> PART_BITS);
  }

  /// Returns the part of the source.
  public static int part(long origin) {
    return (int) (origin & (1 << PART_BITS) - 1);
  }

  /// Returns the number of the `{% generation %}` block, from 1 in the order of their rendering; 0
  /// outside of one.
  public static int block(long origin) {
    return (int) (origin >>> PART_BITS + SOURCE_BITS);
  }

  static long within(long origin, int block) {
    return origin & BELOW_BLOCK | (long) block << PART_BITS + SOURCE_BITS;
  }
}
