package dev.nudge.engine;

import java.util.List;
import java.util.function.Predicate;

/// Finds what prompts have in common, so that its keys are read once: whole blocks of them.
final class Prefix {
  private Prefix() {}

  /// Lets a sequence that has read nothing begin with what another one's prompt shares with its
  /// own.
  ///
  /// @param apart whether a sequence's keys may be turned otherwise than those of short ones
  /// @return whether it should rather wait, for a sequence before it will have read more of that
  static boolean waits(Sequence s, List<Sequence> running, Predicate<Sequence> apart) {
    Sequence best = null;
    int most = 0;
    int later = 0;
    boolean before = true;
    for (Sequence other : running) {
      if (other == s) {
        before = false;
        continue;
      }
      if (other.done() || !other.way.equals(s.way) || apart.test(other)) {
        continue;
      }
      int common = common(s, other);
      int read = whole(Math.min(common, Math.min(other.cache().length(), other.prompt)));
      if (read > most) {
        most = read;
        best = other;
      }
      if (before && other.cache().length() < other.prompt) {
        later = Math.max(later, whole(common));
      }
    }
    if (later > most) {
      return true;
    }
    if (best != null) {
      s.start(best.cache().fork(most));
    }
    return false;
  }

  /// Tokens that two prompts begin with, the last of `s` left out: its logits are wanted.
  private static int common(Sequence s, Sequence other) {
    int most = Math.min(s.prompt - 1, other.prompt);
    int n = 0;
    while (n < most && s.ids()[n] == other.ids()[n]) {
      n++;
    }
    return n;
  }

  private static int whole(int tokens) {
    return tokens / Limits.BLOCK * Limits.BLOCK;
  }
}
