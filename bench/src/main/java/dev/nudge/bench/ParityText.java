package dev.nudge.bench;

import dev.nudge.eval.Interval;
import dev.nudge.eval.NonInferiority;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/// Says numbers of the parity study in words.
final class ParityText {
  private ParityText() {}

  /// What a method comes to beside full fine-tuning, over the domains.
  static String finding(
      ParityMethod method, List<ParityDomain> domains, List<ParityComparison> each) {
    List<String> parts = new ArrayList<>();
    String better = which(domains, each, ParityComparison::firstIsBetter, true);
    String worse = which(domains, each, ParityComparison::secondIsBetter, true);
    String open = which(domains, each, c -> !c.firstIsBetter() && !c.secondIsBetter(), false);
    parts.add(better.isEmpty() ? "full is better in no domain" : "full is better in " + better);
    if (!worse.isEmpty()) {
      parts.add(method.label() + " is better in " + worse);
    }
    if (!open.isEmpty()) {
      parts.add("no difference is shown in " + open);
    }
    StringBuilder text =
        new StringBuilder("- **%s**: %s. ".formatted(method.label(), String.join("; ", parts)));
    text.append("Within %s points of full: ".formatted(number(100 * ParityComparison.MARGIN)));
    List<String> verdicts = new ArrayList<>();
    for (NonInferiority.Verdict verdict : NonInferiority.Verdict.values()) {
      String in = which(domains, each, c -> c.margin().verdict() == verdict, false);
      if (!in.isEmpty()) {
        verdicts.add(word(verdict) + " in " + in);
      }
    }
    text.append(String.join("; ", verdicts)).append(".");
    if (each.size() > 1) {
      ParityComparison over = ParityComparison.over(each);
      text.append(
          " Over %d domains: %s points (%s), within %s points: %s."
              .formatted(
                  each.size(),
                  points(over.difference()),
                  interval(over.interval()),
                  number(100 * ParityComparison.MARGIN),
                  word(over.margin().verdict())));
    }
    List<String> few = new ArrayList<>();
    for (int i = 0; i < each.size(); i++) {
      int seeds = each.get(i).seeds().size();
      if (seeds < ParityPart.SEEDS) {
        few.add("%s %d of %d".formatted(domains.get(i).name(), seeds, ParityPart.SEEDS));
      }
    }
    if (!few.isEmpty()) {
      text.append(" Not all seeds are done: ").append(String.join(", ", few)).append('.');
    }
    return text.append('\n').toString();
  }

  private static String which(
      List<ParityDomain> domains,
      List<ParityComparison> each,
      Predicate<ParityComparison> those,
      boolean byHowMuch) {
    List<String> names = new ArrayList<>();
    for (int i = 0; i < each.size(); i++) {
      ParityComparison c = each.get(i);
      if (those.test(c)) {
        String by = " (by %s points)".formatted(number(100 * Math.abs(c.difference())));
        names.add(domains.get(i).name() + (byHowMuch ? by : ""));
      }
    }
    return String.join(", ", names);
  }

  static String word(NonInferiority.Verdict verdict) {
    return switch (verdict) {
      case HOLDS -> "shown";
      case FAILS -> "shown not";
      case OPEN -> "cannot tell";
    };
  }

  /// A difference of shares in points, with its sign.
  static String points(double difference) {
    return signed(100 * difference, 1);
  }

  static String interval(Interval interval) {
    return points(interval.low()) + " to " + points(interval.high());
  }

  /// A difference of something else.
  static String signed(double value, int digits) {
    String text = String.format(Locale.ROOT, "%." + digits + "f", Math.abs(value));
    boolean zero = text.chars().allMatch(c -> c == '0' || c == '.');
    return (zero ? "" : value < 0 ? "−" : "+") + text;
  }

  static String number(double value) {
    return value == Math.rint(value) ? whole(value) : String.format(Locale.ROOT, "%.1f", value);
  }

  static String whole(double value) {
    return String.format(Locale.ROOT, "%,d", Math.round(value));
  }

  /// A share in percent.
  static String percent(double share) {
    return String.format(Locale.ROOT, "%.1f", 100 * share);
  }

  static String row(List<String> cells) {
    return cells.stream().collect(Collectors.joining(" | ", "| ", " |\n"));
  }

  /// A table; nothing where it has no rows.
  static String table(List<String> heads, List<List<String>> rows) {
    if (rows.isEmpty()) {
      return "";
    }
    StringBuilder text =
        new StringBuilder(row(heads)).append("|---".repeat(heads.size())).append("|\n");
    rows.forEach(r -> text.append(row(r)));
    return text.toString();
  }
}
