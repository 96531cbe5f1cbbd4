package dev.nudge.engine;

/// Guesses the next tokens of a sequence from what it has said before: what followed the last time
/// that its last tokens came.
///
/// A guess costs rows of a step, and a step checks it exactly, so guesses change no token. How many
/// are made follows from how many of the last came true.
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

  Drafts(boolean wanted) {
    this.wanted = wanted;
  }

  /// Writes guesses of the tokens from `count` on.
  ///
  /// @param ids tokens of the sequence
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
    int most = Math.min(this.most, room);
    for (int n = Math.min(LONGEST, count - 1); n >= LEAST; n--) {
      int from = earlier(ids, count, n);
      if (from >= 0) {
        int found = Math.min(most, count - from);
        System.arraycopy(ids, from, to, at, found);
        return found;
      }
    }
    return 0;
  }

  /// What follows the last earlier place of the last `n` tokens; −1: there is none.
  private static int earlier(int[] ids, int count, int n) {
    for (int end = count - 1; end >= n; end--) {
      int same = 0;
      while (same < n && ids[end - 1 - same] == ids[count - 1 - same]) {
        same++;
      }
      if (same == n) {
        return end;
      }
    }
    return -1;
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
