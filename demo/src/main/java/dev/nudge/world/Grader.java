package dev.nudge.world;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Grades an answer against the right ticket, field by field.
///
/// A field is right if it equals the ticket's. The reply is right if it contains the facts:
/// product, code, first step and the visit's time, and no other time. An answer is exact if all
/// five fields are right. Only the first line of an answer is graded.
public record Grader(String team, Urgency urgency, String product, String code, String step) {
  private static final List<String> KEYS =
      List.of("team: ", "urgency: ", "product: ", "code: ", "reply: ");

  /// Which fields of an answer are right.
  public record Grade(boolean team, boolean urgency, boolean product, boolean code, boolean reply) {
    /// Whether every field is right.
    public boolean exact() {
      return team && urgency && product && code && reply;
    }
  }

  /// Parses the right answer, as [SupportTicket#completion] writes it.
  ///
  /// @throws IllegalArgumentException if the text is not a ticket
  public static Grader of(String completion) {
    List<String> values = values(completion.strip());
    String code = values.get(3);
    Urgency urgency =
        Arrays.stream(Urgency.values())
            .filter(u -> u.word().equals(values.get(1)))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("not a ticket: " + completion));
    String step =
        Arrays.stream(Symptom.values())
            .filter(s -> code.endsWith(String.valueOf(s.number())))
            .findFirst()
            .orElseThrow(() -> new IllegalArgumentException("not a ticket: " + completion))
            .step();
    return new Grader(values.get(0), urgency, values.get(2), code, step);
  }

  /// Grades the first line of an answer.
  public Grade grade(String completion) {
    List<String> values = values(completion.strip().lines().findFirst().orElse(""));
    return new Grade(
        values.get(0).equals(team),
        values.get(1).equals(urgency.word()),
        values.get(2).equals(product),
        values.get(3).equals(code),
        holdsFacts(values.get(4)));
  }

  /// Returns the values of the keys in order; empty from the first missing key on.
  private static List<String> values(String line) {
    List<String> values = new ArrayList<>();
    String[] fields = line.split("; ", KEYS.size());
    for (int i = 0; i < fields.length && fields[i].startsWith(KEYS.get(i)); i++) {
      values.add(fields[i].substring(KEYS.get(i).length()));
    }
    while (values.size() < KEYS.size()) {
      values.add("");
    }
    return values;
  }

  private boolean holdsFacts(String reply) {
    boolean time = true;
    for (Urgency other : Urgency.values()) {
      time &= holds(reply, other.when()) == (other == urgency);
    }
    return time && holds(reply, product) && holds(reply, code) && holds(reply, step);
  }

  /// Whether the text contains the words, at word boundaries.
  private static boolean holds(String text, String words) {
    for (int at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
      int end = at + words.length();
      boolean begins = at == 0 || !Character.isLetterOrDigit(text.charAt(at - 1));
      if (begins && (end == text.length() || !Character.isLetterOrDigit(text.charAt(end)))) {
        return true;
      }
    }
    return false;
  }
}
