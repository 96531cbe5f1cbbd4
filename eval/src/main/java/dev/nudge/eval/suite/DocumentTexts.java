package dev.nudge.eval.suite;

import dev.nudge.eval.leak.Item;
import dev.nudge.eval.leak.LeakScan;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.task.Sample;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/// The texts of a task's documents to look for in the training set.
///
/// They are the question without shots; the column that the task file names in
/// `doc_to_decontamination_query`, or else the longest column of at least [#ASKS] words in the
/// question, independent of the template; and an answer of at least [#OWN] words.
///
/// A question or column is left out if it equals a short answer (under [#OWN] words) of any
/// document, and a column if more than a tenth of the documents (and more than five) share its
/// text: `yes`, `B` or a subject name occurs in any training set and does not identify a document.
/// A column of one or two words is left out too, such as the France of "the capital of France".
final class DocumentTexts {
  private static final int OWN = 13; // words of an answer that is unique to a document
  private static final int ASKS = 3; // words of a column that may be a whole question
  private static final int LEAST_COMMON = 5; // documents

  private final @Nullable String named;
  private final Set<String> answers = new HashSet<>(); // short answers of all documents
  private final Map<String, Integer> columns = new HashMap<>(); // text → number of documents
  private final int common; // more documents than this make a text common

  private DocumentTexts(@Nullable String named, Collection<Sample> samples) {
    this.named = named;
    for (Sample sample : samples) {
      List<String> own = new ArrayList<>(sample.choices());
      own.addAll(TrainingTexts.texts(sample.target()));
      own.stream().map(String::strip).filter(text -> !isOwn(text)).forEach(answers::add);
      Set.copyOf(TrainingTexts.texts(sample.doc()))
          .forEach(text -> columns.merge(text, 1, Integer::sum));
    }
    this.common = Math.max(LEAST_COMMON, samples.size() / 10);
  }

  /// Returns the leak scan items of a task.
  static List<Item> of(TaskScores task) {
    Map<Integer, Sample> samples = new LinkedHashMap<>(); // a sample occurs once per filter
    task.samples().forEach(s -> samples.putIfAbsent(s.sample().id(), s.sample()));
    Object query = task.task().config().written().get("doc_to_decontamination_query");
    DocumentTexts all =
        new DocumentTexts(query instanceof String text ? text : null, samples.values());
    return samples.values().stream()
        .map(
            sample ->
                new Item(
                    Integer.toString(sample.id()),
                    all.texts(sample, task.task().question(sample.doc()))))
        .toList();
  }

  private List<String> texts(Sample sample, String question) {
    List<String> texts = new ArrayList<>();
    if (!answers.contains(question.strip())) {
      texts.add(question);
    }
    JsonNode doc = sample.doc();
    if (named != null && doc.has(named)) {
      texts.add(String.join("\n", TrainingTexts.texts(doc.path(named))));
    } else {
      TrainingTexts.texts(doc).stream()
          .filter(text -> question.contains(text) && !question.equals(text))
          .filter(text -> !answers.contains(text.strip()))
          .filter(text -> columns.getOrDefault(text, 0) <= common)
          .filter(text -> LeakScan.words(text) >= ASKS)
          .max(Comparator.comparingInt(String::length))
          .ifPresent(texts::add);
    }
    JsonNode target = sample.target();
    if (target.isString() && isOwn(target.stringValue())) {
      texts.add(target.stringValue());
    }
    return texts;
  }

  private static boolean isOwn(String answer) {
    return LeakScan.words(answer) >= OWN;
  }
}
