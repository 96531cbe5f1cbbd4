package dev.nudge.spark;

import static dev.nudge.spark.SparkTests.rows;
import static dev.nudge.spark.SparkTests.run;
import static dev.nudge.spark.SparkTests.weights;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.nudge.format.Json;
import dev.nudge.machine.Machine;
import dev.nudge.registry.QueryFiles;
import dev.nudge.settings.InputException;
import dev.nudge.settings.train.TrainSettings;
import dev.nudge.spark.SparkTests.Ran;
import dev.nudge.train.Outlook;
import dev.nudge.train.Training;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.plans.logical.LogicalPlan;
import org.apache.spark.sql.connector.catalog.Column;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.execution.datasources.v2.DataSourceV2Relation;
import org.apache.spark.sql.types.DataTypes;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import scala.Option;

/// Two ranks in two tasks of this process.
class LocalTrainTest {
  private static final Path MODEL =
      Path.of("../core/src/test/resources/golden/llama/grouped-tied/model");

  private static SparkSession session;

  @TempDir private Path temp;

  @BeforeAll
  static void begin() {
    session = SparkTests.session("local[2]").getOrCreate();
  }

  @AfterAll
  static void end() {
    session.stop();
  }

  private List<String> flags(Path out) throws IOException {
    return List.of(
        "--model",
        MODEL.toString(),
        "--data",
        rows(temp).toString(),
        "--out",
        out.toString(),
        "--lanes",
        "1",
        "--batch-size",
        "5",
        "--steps",
        "6",
        "--save-steps",
        "3",
        "--keep",
        "9");
  }

  private static String[] train(List<String> flags, String... more) {
    List<String> all = new ArrayList<>(List.of("train"));
    all.addAll(flags);
    all.addAll(List.of(more));
    return all.toArray(String[]::new);
  }

  @Test
  void twoTasksLeaveTheBytesOfTwoLanes() throws IOException {
    Path many = temp.resolve("many");
    Ran ran = run(train(flags(many), "--ranks", "2"));
    assertThat(ran.err()).contains("step 6").doesNotContain("failed");
    assertThat(ran.code()).isZero();
    Path one = temp.resolve("one");
    Machine machine = Machine.here(ExecutorModel.cache());
    TrainSettings settings =
        TrainSettings.of(
            Map.of(
                "model",
                MODEL,
                "data",
                List.of(rows(temp).toString()),
                "out",
                one,
                "lanes",
                2,
                "threads",
                2,
                "batch_size",
                5,
                "steps",
                6,
                "save_steps",
                3,
                "keep",
                9));
    Training.run(settings, machine, _ -> {}, _ -> {}, () -> false);
    List<Path> files = weights(one);
    assertThat(weights(many)).isEqualTo(files).hasSize(3);
    for (Path file : files) {
      assertThat(many.resolve(file)).hasSameBinaryContentAs(one.resolve(file));
    }
    Ran again = run(train(flags(many), "--ranks", "2"));
    assertThat(again.err()).contains("this run is finished already");
    assertThat(again.code()).isZero();
  }

  @Test
  void rowsOfAQueryAreReadOnceAndInItsOrder() throws IOException {
    Path out = temp.resolve("queried");
    Dataset<Row> rows =
        session.sql(
            "SELECT concat('pump ', id) AS prompt, ' valve' AS completion FROM range(40) ORDER BY"
                + " id DESC");
    TrainSettings settings =
        TrainSettings.of(
            Map.of("model", MODEL, "data", List.of("none"), "out", out, "lanes", 1, "steps", 1));
    assertThat(NudgeSpark.train(session, settings, rows).steps()).isEqualTo(1);
    List<String> lines = Files.readAllLines(temp.resolve("queried.rows.jsonl"));
    assertThat(lines)
        .hasSize(40)
        .first()
        .isEqualTo("{\"prompt\":\"pump 39\",\"completion\":\" valve\"}");
    assertThat(String.valueOf(Training.record(out).get("digests"))).contains("data=");
    assertThatThrownBy(
            () ->
                QueryRows.write(
                    session.sql("SELECT id FROM range(0)"),
                    null,
                    QueryFiles.of(temp.resolve("no"))))
        .isInstanceOf(InputException.class)
        .hasMessage("the table or query has no row");
    assertThat(temp.resolve("no.rows.jsonl")).doesNotExist();
    Path kept = temp.resolve("queried.rows.jsonl");
    NudgeSpark.onRows(settings, null, () -> fail("rows of a run that goes on are kept"));
    assertThat(Files.readAllLines(kept)).hasSize(40);
    assertThat(Files.readString(temp.resolve("queried.source.json"))).doesNotContain("another");
    QueryRows.write(session.sql("SELECT 1 AS a"), "other", QueryFiles.of(out));
    assertThat(kept).hasContent("{\"a\":1}");
  }

  /// A table with snapshots, as those of Delta and Iceberg are.
  private record Snapshot(String name, String version) implements Table {
    @Override
    public Column[] columns() {
      return new Column[] {Column.create("prompt", DataTypes.StringType)};
    }

    @Override
    public Set<TableCapability> capabilities() {
      return Set.of(TableCapability.BATCH_READ);
    }
  }

  @Test
  void theSnapshotsOfTablesAreKept() {
    LogicalPlan plan =
        DataSourceV2Relation.create(
            new Snapshot("lake.rows", "8741"), Option.empty(), Option.empty());
    assertThat(QueryRows.snapshots(plan)).isEqualTo(Map.of("lake.rows", "8741"));
    assertThat(
            QueryRows.snapshots(
                ((org.apache.spark.sql.classic.Dataset<Row>) session.sql("SELECT 1 AS a"))
                    .queryExecution()
                    .analyzed()))
        .isEmpty();
  }

  @Test
  void aQueryIsTrainedOnByTheCommandToo() throws IOException {
    Path out = temp.resolve("asked");
    List<String> flags = flags(out).subList(4, flags(out).size()); // without model and data
    flags = Stream.concat(Stream.of("--model", MODEL.toString()), flags.stream()).toList();
    session.read().json(rows(temp).toString()).createOrReplaceTempView("asked");
    String query = "SELECT prompt, completion FROM asked";
    assertThat(run(train(flags, "--ranks", "2", "--query", query)).code()).isZero();
    Path same = temp.resolve("same");
    assertThat(run(train(flags(same), "--ranks", "2")).code()).isZero();
    String file = "adapter_model.safetensors";
    assertThat(out.resolve(file)).hasSameBinaryContentAs(same.resolve(file));
    assertThat(Json.read(temp.resolve("asked.source.json")).path("query").asString())
        .isEqualTo(query);
    assertThat(run(train(flags(out), "--query", query)).err())
        .isEqualTo("nudge: --data is given with --query; give one\n");
    assertThat(run(train(flags, "--table", "asked", "--dry-run")).err())
        .isEqualTo("nudge: --dry-run reads files only; give --data, or leave it out\n");
    assertThat(run(train(flags, "--ranks", "2", "--query", query)).err())
        .contains("this run is finished already");
    assertThat(run(train(flags, "--table", "nowhere")).err())
        .isEqualTo(
            ("nudge: --out %s holds a run on other rows, those of '%s'; give a new folder, or"
                    + " --overwrite\n")
                .formatted(out, query));
    Ran none = run(train(flags, "--table", "nowhere", "--overwrite"));
    assertThat(none.err()).startsWith("nudge: The table or view `nowhere` cannot be found.");
  }

  @Test
  void whatIsWrongIsOneLineBeforeAnyStage() throws IOException {
    Path out = temp.resolve("out");
    assertThat(run(train(flags(out), "--ranks", "3")))
        .isEqualTo(
            new Ran(
                2,
                "",
                "nudge: --ranks 3: the cluster runs 2 tasks at once (2 cores, spark.task.cpus 1);"
                    + " give it more executors or cores, or give at most --ranks 2\n"));
    assertThat(run("merge").err())
        .isEqualTo(
            "nudge: the verb is 'merge'; on Spark there are train --ranks N, sweep, generate, score"
                + " and eval\n");
    assertThat(run(train(flags(out), "--ranks", "two")).err())
        .isEqualTo("nudge: --ranks is 'two'; it must be a whole number\n");
    assertThat(run(train(flags(out), "--ranks=0")).err())
        .isEqualTo("nudge: --ranks is 0; it must be at least 1\n");
    assertThat(run(train(flags(out), "--ranks", "2", "--ranks=3")).err())
        .isEqualTo("nudge: --ranks is given twice\n");
    assertThat(run("sweep", "none.yaml", "--tasks", "0").err())
        .isEqualTo("nudge: --tasks is 0; it must be at least 1\n");
    assertThat(run("sweep", "none.yaml", "--tasks=1", "--tasks=1").err())
        .isEqualTo("nudge: --tasks is given twice\n");
    assertThat(run().err()).startsWith("nudge: the verb is missing; on Spark there are train");
    assertThat(Outlook.SUBMIT).isEqualTo(Submit.class.getName());
    Ran row = run(train(flags(out), "--ranks", "2", "--prompt", "{nothing}"));
    assertThat(row.code()).isEqualTo(2);
    assertThat(row.err()).contains("nothing").doesNotContain("Exception");
    Ran eva = run(train(flags(out), "--ranks", "2", "--init", "eva"));
    assertThat(eva.err()).startsWith("nudge: --init eva: ");
    assertThat(out).doesNotExist();
  }
}
