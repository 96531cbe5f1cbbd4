package dev.nudge.engine;

/// Drafts the next tokens for speculative decoding by prompt lookup: the tokens that followed the
/// last earlier occurrence of the sequence's last tokens.
///
/// Occurrences are found by their last two tokens, through chains of places with one hash, so a
/// step looks at few places however long the sequence is.
///
/// A drafted token costs a row of a step. Each draft is verified exactly, so drafts change no
/// token. How many tokens are drafted follows from how many recent ones were accepted.
///
/// Saxena, Prompt Lookup Decoding, 2023; the check is that of Leviathan et al., arXiv:2211.17192.
final class Drafts {
  /// Most tokens that are guessed at once.
  static final int MOST = 7;

  private static final int FEW =
      3; // with the token before them as many rows as a product takes at once
  private static final int LONGEST = 4; // tokens that must have come before
  private static final int LEAST = 2;
  private static final int LONGEST_PAUSE = 8; // steps without a guess after wrong ones

  private final boolean wanted;
  private int most = FEW;
  private int wrong; // steps one after the other
  private int pause;
  private int[] heads = {}; // by hash of two tokens: the place behind the last such two; 0: none
  private int[] chain = {}; // by place: the one before it of the same hash; 0: none
  private int places = LEAST; // the next to go into its chain

  Drafts(boolean wanted) {
    this.wanted = wanted;
  }

  /// Writes guesses of the tokens from `count` on.
  ///
  /// @param ids tokens of the sequence: those of the last call, and what came behind them
  /// @param to where they go, at `at`
  /// @param room tokens that may be guessed at most
  /// @return their number
  int guess(int[] ids, int count, int[] to, int at, int room) {
    if (!wanted || room < 1 || count < 2) {
      return 0;
    }
    if (pause > 0) {
      pause--;
      return 0;
    }
    int from = earlier(ids, count);
    if (from < 0) {
      return 0;
    }
    int found = Math.min(Math.min(most, room), count - from);
    System.arraycopy(ids, from, to, at, found);
    return found;
  }

  /// What follows the last earlier place of as many of the last tokens as came before, four at
  /// most; −1: not even two came.
  private int earlier(int[] ids, int count) {
    fill(ids, count);
    int best = -1;
    int most = LEAST - 1;
    for (int end = heads[hash(ids, count)]; end > 0 && most < LONGEST; end = chain[end]) {
      int same = 0;
      int limit = Math.min(LONGEST, end);
      while (same < limit && ids[end - 1 - same] == ids[count - 1 - same]) {
        same++;
      }
      if (same > most) {
        most = same;
        best = end;
      }
    }
    return best;
  }

  /// Brings the places before `count` into their chains.
  private void fill(int[] ids, int count) {
    if (count > chain.length) {
      int size = Math.max(256, 2 * Integer.highestOneBit(count));
      heads = new int[size];
      chain = new int[size];
      places = LEAST;
    }
    for (; places < count; places++) {
      int hash = hash(ids, places);
      chain[places] = heads[hash];
      heads[hash] = places;
    }
  }

  /// The hash of the two tokens before a place.
  private int hash(int[] ids, int place) {
    int mixed = (ids[place - 1] * 31 + ids[place - 2]) * 0x9E3779B9;
    return mixed >>> Integer.numberOfLeadingZeros(heads.length - 1);
  }

  /// Learns how many guesses came true.
  void learn(int guessed, int right) {
    if (guessed == 0) {
      return;
    }
    most = right < guessed ? FEW : MOST;
    wrong = right > 0 ? 0 : wrong + 1;
    pause = wrong > 1 ? Math.min(LONGEST_PAUSE, 1 << (wrong - 1)) : 0;
  }
}
