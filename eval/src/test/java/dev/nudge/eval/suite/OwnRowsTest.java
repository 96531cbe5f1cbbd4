package dev.nudge.eval.suite;

import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.nudge.Backends;
import dev.nudge.Goldens;
import dev.nudge.data.TestRows;
import dev.nudge.eval.leak.LeakReport;
import dev.nudge.eval.run.Evaluation;
import dev.nudge.eval.run.TaskScores;
import dev.nudge.eval.task.Sample;
import dev.nudge.eval.task.TaskRequest;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.DataSplitSettings;
import dev.nudge.settings.verb.EvaluateSettings;
import dev.nudge.settings.verb.TestShare;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Takes the road that the documents show for rows of one's own: cut once, and asked by the task
/// file of the examples.
class OwnRowsTest {
  private static final Path MODEL = Goldens.MODEL;
  private static final Path TASK = Path.of("../examples/tickets.yaml");
  private static final List<String> TEAMS = List.of("billing", "delivery", "returns");
  private static final String[] WORDS =
      ("amber bolt cable drum eaves fence glass hinge ingot joist kettle lamp mortar nail oven pipe"
              + " quilt rope sieve tile urn valve wheel yarn zinc anvil brick clamp desk easel")
          .split(" ");

  @TempDir Path folder;
  private TestRows.Written written;
  private final List<String> warnings = new ArrayList<>();

  @BeforeEach
  void cut() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 120; i++) {
      rows.append(
          "{\"customer_id\": \"c%d\", \"text\": \"%s\", \"team\": \"%s\", \"language\": \"%s\", \"customer_type\": \"shop\"}\n"
              .formatted(i / 2, text(i), TEAMS.get(i % 3), i % 4 == 0 ? "de" : "en"));
    }
    Path all = folder.resolve("all.jsonl");
    Files.writeString(all, rows.toString());
    written =
        requireNonNull(
            TestRows.write(
                new DataSplitSettings(
                    List.of(all.toString()),
                    TestShare.parse("0.3:customer_id"),
                    folder.resolve("tickets"),
                    false),
                read -> {},
                () -> false));
  }

  /// Ten words in an order that no two tickets share.
  private static String text(int ticket) {
    StringBuilder text = new StringBuilder("no " + ticket);
    int at = ticket * 7919 + 1;
    for (int i = 0; i < 10; i++) {
      at = (at * 1103 + 377) % 65_537;
      text.append(' ').append(WORDS[at % WORDS.length]);
    }
    return text.toString();
  }

  private Suite.Judged evaluate(Path training) {
    Map<String, Object> values = new HashMap<>();
    values.put("model", MODEL);
    values.put("compute", "fp32");
    values.put("tasks", List.of(TASK.toString()));
    values.put("data_dir", folder.resolve("tickets"));
    values.put("train_data", List.of(training.toString()));
    values.put("out", folder.resolve("out"));
    Machine machine = new Machine(2, 4L << 30, Backends.cache(), "test");
    return Suite.run(
        EvaluateSettings.of(values),
        machine,
        new Evaluation.Watcher() {
          @Override
          public void warn(String line) {
            warnings.add(line);
          }
        });
  }

  @Test
  void theTestIsAskedAndNoneOfItStandsInWhatIsTrained() {
    Suite.Judged judged = evaluate(folder.resolve("tickets").resolve(TestRows.TRAIN));
    TaskScores task = requireNonNull(judged.outcome().main().tasks().get("tickets"));
    assertThat(task.samples()).hasSize(written.test()).hasSizeGreaterThan(20);
    assertThat(task.scores()).containsOnlyKeys("acc,none", "macro_f1,none", "brier_score,none");
    Sample first = task.samples().getFirst().sample();
    String asked = "Ticket: " + first.doc().path("text").asString() + "\nTeam:";
    assertThat(first.requests())
        .containsExactly(
            new TaskRequest.Likelihood(asked, " billing"),
            new TaskRequest.Likelihood(asked, " delivery"),
            new TaskRequest.Likelihood(asked, " returns"));
    LeakReport leaks = requireNonNull(judged.leaks().get("tickets"));
    assertThat(leaks.rows()).isEqualTo(written.train());
    assertThat(leaks.leaks()).isEmpty();
  }

  /// Rows of the README have a text and a team, and the task names no other column.
  @Test
  void rowsOfTheReadmeAreWarnedOfNothing() throws IOException {
    Path tickets = folder.resolve("tickets");
    for (String part : List.of(TestRows.TRAIN, TestRows.TEST)) {
      Path file = tickets.resolve(part);
      String rows = Files.readString(file).replaceAll("\"customer_id\": \"\\w+\", ", "");
      Files.writeString(file, rows.replaceAll(", \"language.*}", "}"));
    }
    evaluate(tickets.resolve(TestRows.TRAIN));
    assertThat(warnings).isEmpty();
  }

  /// What `--train-data` says where the whole file was trained on.
  @Test
  void aTestThatWasNotTakenOutIsFoundWhole() {
    Suite.Judged judged = evaluate(folder.resolve("all.jsonl"));
    LeakReport leaks = requireNonNull(judged.leaks().get("tickets"));
    assertThat(leaks.items()).isEqualTo(written.test());
    assertThat(leaks.leaks()).hasSize(written.test());
  }
}
