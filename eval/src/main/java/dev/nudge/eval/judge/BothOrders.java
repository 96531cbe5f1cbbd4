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

/// Asks a judge about pairs of answers, each in both orders, so that a judge who likes what stands
/// first shows it and wins nothing by it [1].
///
/// Replies are kept in a file by a digest of judge and question: what is there is not asked again,
/// and a failure loses nothing that was said before. The same question is asked once. A pair whose
/// answers are the same text is not asked at all.
///
/// [1] P. Wang et al., Large language models are not fair evaluators, 2023.
///
/// Threading: one thread.
public final class BothOrders {
  /// The file that replies are kept in.
  public static final String FILE = "verdicts.jsonl";

  private static final int UNWRITTEN = 4; // replies that a kill may lose

  private final Judge judge;
  private final AnswerStore store;

  private BothOrders(Judge judge, AnswerStore store) {
    this.judge = judge;
    this.store = store;
  }

  /// Asks a judge, and keeps what it says in [#FILE].
  ///
  /// @param folder is there
  public static BothOrders of(Judge judge, Path folder) {
    return new BothOrders(judge, AnswerStore.open(folder.resolve(FILE)));
  }

  /// How many replies are wanted, each question once.
  long wanted(List<Contest> contests) {
    return questions(contests).size();
  }

  /// How many of them are there.
  long known(List<Contest> contests) {
    return questions(contests).keySet().stream().filter(key -> store.find(key) != null).count();
  }

  /// Judges pairs.
  ///
  /// @param told each time a reply has come
  /// @return in order
  /// @throws dev.nudge.settings.RunException where the judge cannot be asked; what it said before
  /// is
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

  /// Questions by their keys.
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
