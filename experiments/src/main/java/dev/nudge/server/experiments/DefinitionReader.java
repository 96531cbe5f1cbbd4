package dev.nudge.server.experiments;

import dev.nudge.chat.FieldException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Parses and validates an experiment definition; errors are one line.
final class DefinitionReader {
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,63}");
  private static final int MOST_ARMS = 10;
  private static final int MOST_WEIGHT = 1_000_000;
  private static final int MOST_UNITS = 1_000_000_000;

  private DefinitionReader() {}

  static Definition read(JsonNode body) {
    CheckedFields fields =
        CheckedFields.of(
            body,
            "",
            "name",
            "mode",
            "arms",
            "metric",
            "guardrails",
            "alpha",
            "min_sample",
            "equivalence",
            "salt",
            "ramp",
            "stage_units");
    String name = fields.needed("name");
    if (!NAME.matcher(name).matches()) {
      throw fields.wrong(
          "name", "1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first");
    }
    Mode mode = choice(fields, "mode", Mode.values(), Mode.AB);
    List<Arm> arms = arms(fields, mode);
    Double alpha = fields.number("alpha", 1e-6, 0.5, "a number from 0.000001 to 0.5");
    String salt = fields.text("salt");
    for (String canaryOnly :
        mode == Mode.CANARY ? List.<String>of() : List.of("ramp", "stage_units")) {
      if (fields.has(canaryOnly)) {
        throw new FieldException(
            canaryOnly,
            canaryOnly + " is for mode canary alone; leave it out, or set mode to \"canary\"");
      }
    }
    return new Definition(
        name,
        mode,
        arms,
        metric(fields, mode),
        guardrails(fields, mode),
        alpha == null ? Definition.ALPHA : alpha,
        fields.whole("min_sample", Definition.MIN_SAMPLE, 20, MOST_UNITS),
        fields.number("equivalence", Double.MIN_VALUE, Double.MAX_VALUE, "a number above 0"),
        salt == null ? HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong()) : salt,
        ramp(fields),
        fields.whole("stage_units", Definition.STAGE_UNITS, 1, MOST_UNITS));
  }

  private static List<Arm> arms(CheckedFields fields, Mode mode) {
    List<JsonNode> nodes = fields.list("arms");
    int most = mode == Mode.AB ? MOST_ARMS : 2;
    if (nodes.size() < 2 || nodes.size() > most) {
      throw new FieldException(
          "arms",
          "arms has %d entries; mode %s needs %s, the first of them what the others are held against"
              .formatted(
                  nodes.size(),
                  mode.name().toLowerCase(Locale.ROOT),
                  most == 2 ? "2" : "2 to " + most));
    }
    List<Arm> arms = new ArrayList<>();
    Set<String> names = new HashSet<>();
    for (int i = 0; i < nodes.size(); i++) {
      CheckedFields arm =
          CheckedFields.of(nodes.get(i), "arms[" + i + "].", "name", "adapter", "weight");
      String name = arm.text("name");
      String given = name == null ? String.valueOf((char) ('A' + i)) : name;
      if (!NAME.matcher(given).matches() || given.equals(AnswerFeedback.TIE)) {
        throw arm.wrong("name", "letters, digits, dots, dashes and underscores, and not tie");
      }
      if (!names.add(given)) {
        throw new FieldException(
            arm.at() + "name", arm.at() + "name is '" + given + "', as that of another arm");
      }
      boolean shadow = mode == Mode.SHADOW;
      arms.add(
          new Arm(
              given,
              arm.needed("adapter"),
              null,
              arm.whole("weight", shadow ? 100 : 1, 1, shadow ? 100 : MOST_WEIGHT)));
    }
    long all = arms.stream().mapToLong(Arm::weight).sum();
    for (int i = 0; mode == Mode.AB && i < arms.size(); i++) {
      if (arms.get(i).weight() * (long) Assignment.BUCKETS < all) {
        throw new FieldException(
            "arms[" + i + "].weight",
            "arms[%d].weight is %d of %d; an arm has at least 1 of %,d units"
                .formatted(i, arms.get(i).weight(), all, Assignment.BUCKETS));
      }
    }
    return arms;
  }

  private static ArmMetric metric(CheckedFields fields, Mode mode) {
    ArmMetric metric =
        choice(
            fields,
            "metric",
            ArmMetric.values(),
            mode == Mode.SHADOW ? ArmMetric.PREFERRED : ArmMetric.SCORE);
    boolean paired = metric == ArmMetric.PREFERRED || metric == ArmMetric.LENGTH;
    if (mode == Mode.SHADOW && !paired) {
      throw fields.wrong(
          "metric", "preferred or length in mode shadow, whose second arm nobody sees");
    } else if (mode != Mode.SHADOW && metric == ArmMetric.PREFERRED) {
      throw fields.wrong(
          "metric", "another in mode ab and canary, where each prompt has one answer");
    }
    return metric;
  }

  private static List<Guardrail> guardrails(CheckedFields fields, Mode mode) {
    if (!fields.has("guardrails")) {
      return Guardrail.byDefault(mode);
    }
    List<Guardrail> guardrails = new ArrayList<>();
    List<JsonNode> nodes = fields.list("guardrails");
    for (int i = 0; i < nodes.size(); i++) {
      CheckedFields one =
          CheckedFields.of(nodes.get(i), "guardrails[" + i + "].", "metric", "tolerance");
      one.needed("metric");
      ArmMetric metric = choice(one, "metric", ArmMetric.values(), ArmMetric.ERROR_RATE);
      boolean alone = metric == ArmMetric.ERROR_RATE || metric == ArmMetric.EMPTY_RATE;
      if (!Guardrail.METRICS.contains(metric) || (mode == Mode.SHADOW && !alone)) {
        throw one.wrong(
            "metric",
            mode == Mode.SHADOW
                ? "error_rate or empty_rate in mode shadow"
                : "one of " + words(Guardrail.METRICS.toArray(ArmMetric[]::new)));
      }
      Double tolerance = one.number("tolerance", 0, 100, "a number from 0 to 100");
      guardrails.add(new Guardrail(metric, tolerance == null ? Guardrail.TOLERANCE : tolerance));
    }
    if (guardrails.stream().map(Guardrail::metric).distinct().count() < guardrails.size()) {
      throw new FieldException("guardrails", "guardrails names a metric twice; give each once");
    }
    return guardrails;
  }

  private static List<Integer> ramp(CheckedFields fields) {
    if (!fields.has("ramp")) {
      return Definition.RAMP;
    }
    List<Integer> ramp = new ArrayList<>();
    for (JsonNode stage : fields.list("ramp")) {
      int least = ramp.isEmpty() ? 0 : ramp.getLast();
      boolean rises = stage.isInt() && stage.intValue() > least && stage.intValue() <= 100;
      if (!rises) {
        throw new FieldException(
            "ramp",
            "ramp is "
                + fields.object().get("ramp")
                + "; it must be whole percentages that rise, such as [1, 5, 25, 50, 100]");
      }
      ramp.add(stage.intValue());
    }
    if (ramp.isEmpty()) {
      throw fields.wrong("ramp", "a list of percentages that rise");
    }
    return ramp;
  }

  private static <E extends Enum<E>> E choice(
      CheckedFields fields, String name, E[] all, E otherwise) {
    @Nullable String word = fields.text(name);
    if (word == null) {
      return otherwise;
    }
    for (E value : all) {
      if (value.name().toLowerCase(Locale.ROOT).equals(word)) {
        return value;
      }
    }
    throw fields.wrong(name, "one of " + words(all));
  }

  private static String words(Enum<?>[] all) {
    return Stream.of(all)
        .map(value -> value.name().toLowerCase(Locale.ROOT))
        .collect(Collectors.joining(", "));
  }
}
