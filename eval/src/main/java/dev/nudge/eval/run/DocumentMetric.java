package dev.nudge.eval.run;

import dev.nudge.eval.metric.Instructions;
import dev.nudge.eval.metric.NumericAnswer;
import dev.nudge.eval.run.MetricItem.Value;
import dev.nudge.eval.run.MetricItem.Weighted;
import dev.nudge.settings.InputException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// Scores a text by columns of its document instead of one target: TAT-QA numbers with a scale,
/// and IFEval instructions.
///
/// ```
///   tatqa_em, tatqa_f1            answers, scale, answer_type
///   prompt_level_…_acc, inst_level_…_acc (strict, loose)    instruction_id_list, kwargs
/// ```
///
/// A TAT-QA text is its spans separated by `;`, with the scale as the last word; a scale word
/// after several spans belongs to each.
final class DocumentMetric {
  private static final Set<String> SCALES = Set.of("thousand", "million", "billion", "percent");
  private static final Set<String> NUMBERS = Set.of("arithmetic", "count");

  private final String answer;
  private final JsonNode document;
  private final String place;
  private NumericAnswer.@Nullable Score number; // for both metrics of TAT-QA
  private Instructions.@Nullable Verdict verdict; // for all four metrics of IFEval

  /// @param answer the generated text
  /// @param place the task's file, for messages
  DocumentMetric(String answer, JsonNode document, String place) {
    this.answer = answer;
    this.document = document;
    this.place = place;
  }

  String said() {
    return answer;
  }

  /// The value of a metric; null if the metric needs no document columns.
  ///
  /// @throws InputException if a column is missing
  @Nullable MetricItem of(String metric) {
    return switch (metric) {
      case "tatqa_em" -> new Value(number().exact());
      case "tatqa_f1" -> new Value(number().f1());
      case "prompt_level_strict_acc" -> whole(verdict().allStrict());
      case "prompt_level_loose_acc" -> whole(verdict().allLoose());
      case "inst_level_strict_acc" -> share(verdict().strict());
      case "inst_level_loose_acc" -> share(verdict().loose());
      default -> null;
    };
  }

  private NumericAnswer.Score number() {
    NumericAnswer.Score known = number;
    if (known == null) {
      known = number(answer, document, place);
      number = known;
    }
    return known;
  }

  private Instructions.Verdict verdict() {
    Instructions.Verdict known = verdict;
    if (known == null) {
      known = verdict(answer, document, place);
      verdict = known;
    }
    return known;
  }

  private static Value whole(boolean all) {
    return new Value(all ? 1 : 0);
  }

  private static Weighted share(List<Boolean> followed) {
    return new Weighted(followed.stream().filter(one -> one).count(), followed.size());
  }

  private static NumericAnswer.Score number(String answer, JsonNode document, String place) {
    List<String> gold = new ArrayList<>();
    column(document, "answers", place).forEach(one -> gold.add(one.asString("")));
    String goldScale = column(document, "scale", place).asString("");
    boolean number = NUMBERS.contains(column(document, "answer_type", place).asString(""));
    String text = answer.strip();
    int several = text.lastIndexOf(';');
    boolean scaled = isScaled(text) && (several < 0 || !isScaled(text.substring(0, several)));
    String last = scaled ? lastWord(text) : "";
    String spans = text.substring(0, text.length() - last.length()).strip();
    List<String> prediction = new ArrayList<>();
    for (String span : spans.split(";", -1)) {
      if (!span.isBlank()) {
        prediction.add(span.strip());
      }
    }
    return NumericAnswer.score(
        prediction, last, gold, goldScale.equals("none") ? "" : goldScale, number);
  }

  private static String lastWord(String text) {
    return text.substring(text.lastIndexOf(' ') + 1).toLowerCase(Locale.ROOT);
  }

  private static boolean isScaled(String text) {
    return SCALES.contains(lastWord(text.strip()));
  }

  private static Instructions.Verdict verdict(String answer, JsonNode document, String place) {
    List<String> ids = new ArrayList<>();
    column(document, "instruction_id_list", place).forEach(id -> ids.add(id.asString("")));
    List<Map<String, Object>> arguments = new ArrayList<>();
    for (JsonNode one : column(document, "kwargs", place)) {
      arguments.add(values(one));
    }
    try {
      return Instructions.of(ids, arguments).verdict(answer);
    } catch (InputException | IllegalArgumentException e) {
      throw new InputException(place + ": " + e.getMessage(), e);
    }
  }

  private static Map<String, Object> values(JsonNode object) {
    Map<String, Object> values = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> one : object.properties()) {
      Object value = value(one.getValue());
      if (value != null) {
        values.put(one.getKey(), value);
      }
    }
    return values;
  }

  private static @Nullable Object value(JsonNode node) {
    if (node.isArray()) {
      List<String> texts = new ArrayList<>();
      node.forEach(one -> texts.add(one.asString("")));
      return texts;
    }
    if (node.isNull()) {
      return null;
    }
    return node.isIntegralNumber() && node.canConvertToInt()
        ? (Object) node.intValue()
        : node.isNumber() ? node.doubleValue() : node.asString("");
  }

  private static JsonNode column(JsonNode document, String name, String place) {
    JsonNode column = document.path(name);
    if (column.isMissingNode()) {
      throw new InputException(
          "%s: a document has no column %s, which its metric reads".formatted(place, name));
    }
    return column;
  }
}
