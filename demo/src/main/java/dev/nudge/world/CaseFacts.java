package dev.nudge.world;

import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The facts of a support case before it is written as text.
///
/// @param told sentence about the circumstances
record CaseFacts(
    Product product,
    MachinePart part,
    Symptom symptom,
    Urgency urgency,
    Phrasing phrasing,
    String saidPart,
    String saidSymptom,
    String told) {
  private static final Pattern NAME = Pattern.compile("\\{([a-z ]+)}");

  /// Draws all facts but machine and phrasing.
  static CaseFacts draw(Product product, Phrasing phrasing, Random random) {
    MachinePart part = MachinePart.values()[random.nextInt(MachinePart.values().length)];
    Symptom symptom = Symptom.values()[random.nextInt(Symptom.values().length)];
    Urgency urgency = Urgency.values()[random.nextInt(Urgency.values().length)];
    return new CaseFacts(
        product,
        part,
        symptom,
        urgency,
        phrasing,
        part.said(random),
        symptom.said(random),
        urgency.told(random));
  }

  String code() {
    return SupportTicket.code(part, symptom);
  }

  /// Returns the sentence that describes the fault.
  String complaint() {
    return phrasing.complaint(product.name(), saidPart, saidSymptom);
  }

  /// Returns the complaint with its circumstances.
  String message() {
    return phrasing.message(product.name(), saidPart, saidSymptom, told);
  }

  /// Fills a template, such as `The {team} team repairs your {machine}.`
  String fill(String template) {
    Map<String, String> values =
        Map.ofEntries(
            Map.entry("machine", product.name()),
            Map.entry("line", product.line()),
            Map.entry("kind", product.kind()),
            Map.entry("weight", product.kilograms() + " kg"),
            Map.entry("town", product.town()),
            Map.entry("part", part.word()),
            Map.entry("other part", part.other()),
            Map.entry("said part", saidPart),
            Map.entry("letter", part.letter()),
            Map.entry("team", part.team().word()),
            Map.entry("team parts", MachinePart.of(part.team())),
            Map.entry("fault", symptom.sayings().getFirst()),
            Map.entry("said fault", saidSymptom),
            Map.entry("all faults", String.join(", or ", symptom.sayings())),
            Map.entry("number", String.valueOf(symptom.number())),
            Map.entry("step", symptom.step()),
            Map.entry("capital step", capital(symptom.step())),
            Map.entry("code", code()),
            Map.entry("told", told),
            Map.entry("verdict", urgency.verdict()),
            Map.entry("urgency", urgency.word()),
            Map.entry("when", urgency.when()),
            Map.entry("complaint", complaint()),
            Map.entry("message", message()));
    return NAME.matcher(template)
        .replaceAll(name -> Matcher.quoteReplacement(known(values, name.group(1))));
  }

  private static String known(Map<String, String> values, String name) {
    String value = values.get(name);
    if (value == null) {
      throw new IllegalArgumentException("no fact is called " + name);
    }
    return value;
  }

  private static String capital(String text) {
    return text.substring(0, 1).toUpperCase(Locale.ROOT) + text.substring(1);
  }
}
