package dev.nudge.nn;

/// Splits a sequence into 2·L pieces for L lanes (zigzag sequence parallelism): lane i has pieces i
/// and 2·L − 1 − i.
///
/// A query attends to the keys before it, so a token's work grows with its position: an early plus
/// a late piece of equal sizes costs every lane the same. Pieces begin at multiples of a unit: 64
/// tokens, attention's block, fewer in short sequences; a lane gets at most ⌈units / L⌉.
public final class SequenceSplit {
  private static final int UNIT = 64;
  private static final int UNITS = 8; // least units per lane, if tokens suffice

  private final int tokens;
  private final int[] from;
  private final int[] to;

  private SequenceSplit(int tokens, int[] from, int[] to) {
    this.tokens = tokens;
    this.from = from;
    this.to = to;
  }

  /// Splits a sequence.
  ///
  /// @throws IllegalArgumentException if there are fewer tokens than lanes
  public static SequenceSplit of(int tokens, int lanes) {
    if (lanes < 1 || tokens < lanes) {
      throw new IllegalArgumentException(
          "a sequence of " + tokens + " tokens cannot be cut over " + lanes + " lanes");
    }
    int unit = unit(tokens, lanes);
    int units = Math.ceilDiv(tokens, unit);
    int pieces = 2 * lanes;
    int[] from = new int[pieces];
    int[] to = new int[pieces];
    int low = 0;
    int high = units;
    for (int lane = 0; lane < lanes; lane++) {
      int quota = Math.ceilDiv((lane + 1) * units, lanes) - Math.ceilDiv(lane * units, lanes);
      from[lane] = low * unit;
      low += quota / 2;
      to[lane] = low * unit;
      to[pieces - 1 - lane] = Math.min(tokens, high * unit);
      high -= quota - quota / 2;
      from[pieces - 1 - lane] = high * unit;
    }
    return new SequenceSplit(tokens, from, to);
  }

  /// Returns a split for dry runs whose lane 0 needs as much memory as any lane for any sequence up
  /// to `tokens`: the most rows, the longest late piece, and a full query block that ends at `end`.
  static SequenceSplit widest(int tokens, int lanes, int end) {
    int unit = unit(tokens, lanes);
    int quota = Math.ceilDiv(Math.ceilDiv(tokens, unit), lanes);
    int late = (quota - quota / 2) * unit;
    int last = late < UNIT ? 0 : late % UNIT;
    int[] from = new int[2 * lanes];
    int[] to = new int[2 * lanes];
    to[0] = quota / 2 * unit;
    to[2 * lanes - 1] = Math.max(late, end + last);
    from[2 * lanes - 1] = to[2 * lanes - 1] - late;
    return new SequenceSplit(Math.max(tokens, to[2 * lanes - 1]), from, to);
  }

  private static int unit(int tokens, int lanes) {
    int unit = UNIT;
    while (unit > 1 && Math.ceilDiv(tokens, unit) < UNITS * lanes) {
      unit /= 2;
    }
    return unit;
  }

  /// Tokens of the sequence.
  public int tokens() {
    return tokens;
  }

  public int lanes() {
    return from.length / 2;
  }

  /// First token of a lane's early (0) or late (1) piece.
  public int from(int lane, int part) {
    return from[piece(lane, part)];
  }

  /// The token after a lane's early (0) or late (1) piece; the piece may be empty.
  public int to(int lane, int part) {
    return to[piece(lane, part)];
  }

  /// Tokens of a lane.
  public int rows(int lane) {
    return to(lane, 0) - from(lane, 0) + to(lane, 1) - from(lane, 1);
  }

  /// Returns the number of keys that a lane's queries attend to.
  public int seen(int lane) {
    return to(lane, 1) > from(lane, 1) ? to(lane, 1) : to(lane, 0);
  }

  private int piece(int lane, int part) {
    return part == 0 ? lane : from.length - 1 - lane;
  }
}
