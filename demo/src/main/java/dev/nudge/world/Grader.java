package dev.nudge.world;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Grades what a model answers to a message.
///
/// A field counts if it is exactly the ticket's. The reply counts if it holds the facts: product,
/// code, first step, and when somebody comes, with no other time beside it. An answer is exact if
/// all five count. What comes behind the first line is not read.
public record Grader(String team, Urgency urgency, String product, String code, String step) {
  private static final List<String> KEYS =
      List.of("team: ", "urgency: ", "product: ", "code: ", "reply: ");

  /// Says which fields of an answer are right.
  public record Grade(boolean team, boolean urgency, boolean product, boolean code, boolean reply) {
    /// Tells whether every field of the answer is right.
    public boolean exact() {
      return team && urgency && product && code && reply;
    }
  }

  /// Takes the right answer, as [SupportTicket#completion] writes it.
  ///
  /// @throws IllegalArgumentException where it is no ticket
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

  /// The values of the keys in their order and form; empty from the first key that is not there.
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

  /// Whether the words stand there, not as a part of longer ones.
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
