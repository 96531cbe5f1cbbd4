package dev.nudge.settings;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// Suggests known names for a mistyped one.
///
/// The distance is Damerau's (insert, delete, replace, swap adjacent letters), case ignored. A name
/// is near if at most a third of the longer one must change (at least one letter), or if one is the
/// start of the other. If nothing is near the list is empty: a far-fetched guess is worse than
/// none.
public final class Nearest {
  private static final int MOST = 3;

  private Nearest() {}

  /// Returns up to three known names near to `given`, the nearest first, in alphabetical order on
  /// a tie.
  public static List<String> of(String given, Collection<String> known) {
    return known.stream()
        .distinct()
        .map(name -> new Candidate(name, distance(fold(given), fold(name))))
        .filter(c -> c.near(given))
        .sorted(Comparator.comparingInt(Candidate::distance).thenComparing(Candidate::name))
        .limit(MOST)
        .map(Candidate::name)
        .toList();
  }

  /// Returns `"; did you mean a, b or c?"`, or an empty string if nothing is near.
  public static String hint(String given, Collection<String> known) {
    List<String> near = of(given, known);
    return near.isEmpty() ? "" : "; did you mean " + alternatives(near) + "?";
  }

  /// Joins names as `a, b or c`.
  public static String alternatives(Collection<String> names) {
    return joined(names, "or");
  }

  /// Joins names as `a, b WORD c`.
  public static String joined(Collection<String> names, String word) {
    List<String> all = List.copyOf(names);
    int last = all.size() - 1;
    return last <= 0
        ? String.join("", all)
        : String.join(", ", all.subList(0, last)) + " " + word + " " + all.get(last);
  }

  private record Candidate(String name, int distance) {
    boolean near(String given) {
      String a = fold(given);
      String b = fold(name);
      int longer = Math.max(a.length(), b.length());
      boolean start = Math.min(a.length(), b.length()) >= 3 && (a.startsWith(b) || b.startsWith(a));
      return start || distance <= Math.max(1, longer / 3) && distance < longer;
    }
  }

  private static String fold(String name) {
    return name.toLowerCase(Locale.ROOT);
  }

  private static int distance(String a, String b) {
    int longer = Math.max(a.length(), b.length());
    int least = Math.abs(a.length() - b.length());
    if (least > Math.max(1, longer / 3)) {
      return least; // not near; skips the work for a name of a megabyte
    }
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      d[i][0] = i;
    }
    for (int j = 0; j <= b.length(); j++) {
      d[0][j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      for (int j = 1; j <= b.length(); j++) {
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + change);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
        }
      }
    }
    return d[a.length()][b.length()];
  }
}
