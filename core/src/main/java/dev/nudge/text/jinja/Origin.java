package dev.nudge.text.jinja;

/// Says where a character came from, in one number: a source (0 is the template itself; a
/// conversation counts its messages from 1), what of it (a small number of the caller's), and the
/// `{% generation %}` block that wrote it (0: none).
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

  /// Returns what of the source it is.
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
