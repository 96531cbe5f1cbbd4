package dev.nudge.eval.judge;

import dev.nudge.eval.run.AnswerStore;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// Asks a judge about each pair in both orders, so that position bias is measured and has no effect
/// on the result [1].
///
/// Replies are cached in a file, keyed by a digest of judge and question: a repeated question is
/// not asked again, and a failure loses no earlier reply. Pairs of identical answers are not asked.
///
/// [1] P. Wang et al., Large language models are not fair evaluators, 2023.
///
/// Threading: one thread.
public final class BothOrders {
  /// File name of the reply cache.
  public static final String FILE = "verdicts.jsonl";

  private static final int UNWRITTEN = 4; // most replies lost by a kill

  private final Judge judge;
  private final AnswerStore store;

  private BothOrders(Judge judge, AnswerStore store) {
    this.judge = judge;
    this.store = store;
  }

  /// Opens the reply cache [#FILE] in a folder.
  ///
  /// @param folder an existing folder
  public static BothOrders of(Judge judge, Path folder) {
    return new BothOrders(judge, AnswerStore.open(folder.resolve(FILE)));
  }

  /// Returns the number of distinct questions that the pairs need.
  long wanted(List<Contest> contests) {
    return questions(contests).size();
  }

  /// Returns the number of those questions with a cached reply.
  long known(List<Contest> contests) {
    return questions(contests).keySet().stream().filter(key -> store.find(key) != null).count();
  }

  /// Judges pairs, asking only the questions without a cached reply.
  ///
  /// @param told callback after each new reply
  /// @return the results in the order of `contests`
  /// @throws dev.nudge.settings.RunException if the judge cannot be reached; earlier replies are
  ///     kept
  public List<Judged> judge(List<Contest> contests, Runnable told) {
    Map<String, Judge.Question> missing = questions(contests);
    missing.keySet().removeIf(key -> store.find(key) != null);
    List<String> keys = List.copyOf(missing.keySet());
    int[] since = {0};
    try {
      judge.ask(
          List.copyOf(missing.values()),
          (reply, number) -> {
            store.put(keys.get(number), json(reply));
            if (++since[0] % UNWRITTEN == 0) {
              store.flush();
            }
            told.run();
          });
    } finally {
      store.flush();
    }
    List<Judged> all = new ArrayList<>();
    for (Contest contest : contests) {
      all.add(
          contest.same()
              ? Judged.same(contest)
              : Judged.of(contest, reply(contest.forward()), reply(contest.backward())));
    }
    return all;
  }

  /// Returns the distinct questions by cache key.
  private Map<String, Judge.Question> questions(List<Contest> contests) {
    Map<String, Judge.Question> all = new LinkedHashMap<>();
    for (Contest contest : contests) {
      if (!contest.same()) {
        all.putIfAbsent(key(contest.forward()), contest.forward());
        all.putIfAbsent(key(contest.backward()), contest.backward());
      }
    }
    return all;
  }

  private String key(Judge.Question question) {
    String reference = Objects.requireNonNullElse(question.reference(), "");
    String all =
        Json.line(
            List.of(judge.identity(), question.text(), question.a(), question.b(), reference));
    return Sha256.of(all.getBytes(StandardCharsets.UTF_8));
  }

  private Judge.Reply reply(Judge.Question question) {
    JsonNode kept = store.find(key(question));
    if (kept == null) {
      throw new IllegalStateException("the judge left a question without a reply");
    }
    Choice choice = Choice.named(kept.path("verdict").asString(""));
    return new Judge.Reply(choice, kept.path("said").asString(""));
  }

  private static JsonNode json(Judge.Reply reply) {
    ObjectNode node = JsonNodeFactory.instance.objectNode();
    Choice choice = reply.choice();
    if (choice == null) {
      node.putNull("verdict");
    } else {
      node.put("verdict", choice.word());
    }
    return node.put("said", reply.said());
  }
}
