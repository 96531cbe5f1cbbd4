package dev.nudge.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.nudge.format.Json;
import dev.nudge.generate.Completions;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.GenerateSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.MapFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Rows on two executors of two processes, one of which dies in the middle of a task. `SPARK_HOME`
/// is as for [LostExecutorTest].
@Tag("slow")
class RowsOnExecutorsTest {
  private static final Path GOLDEN = Path.of("../core/src/test/resources/golden");
  private static final int ROWS = 60;

  @TempDir private Path temp;

  @Test
  void aTableIsTheOneOfOneMachineThoughAnExecutorDies() throws IOException {
    assumeTrue(System.getenv("SPARK_HOME") != null, "SPARK_HOME names no distribution of Spark");
    Path file =
        Files.write(
            temp.resolve("rows.jsonl"),
            IntStream.range(0, ROWS)
                .mapToObj(i -> "{\"prompt\":\"pump %s%d\"}".formatted("seal ".repeat(i % 7), i))
                .toList());
    GenerateSettings settings =
        GenerateSettings.of(
            Map.of(
                "model",
                GOLDEN.resolve("llama/grouped-tied/model"),
                "adapter",
                GOLDEN.resolve("peft/all-linear/adapter"),
                "data",
                List.of(file.toString()),
                "temperature",
                1,
                "max_tokens",
                6));
    List<String> expected =
        Completions.of(
                settings, Machine.here(ExecutorModel.cache()), null, new Completions.Watcher() {})
            .rows()
            .stream()
            .map(row -> Json.line(row.completion()))
            .toList();
    String out = temp.resolve("out").toString();
    SparkSession session = SparkTests.executors(2);
    try {
      Slots.await(session.sparkContext(), 4); // two executors
      List<String> beside =
          session
              .range(0, 8, 1, 8)
              .map(
                  (MapFunction<Long, String>) _ -> Slots.executors().values().toString(),
                  Encoders.STRING())
              .distinct()
              .collectAsList();
      assertThat(beside).containsExactly("[2]");
      TableFlags flags = new TableFlags(null, null, out, null, "parquet", 6);
      TableFlags.Input input = flags.read(session, List.of(file.toString()));
      Dataset<Row> results = RowJob.of(settings).on(session, input.rows(), input.lines(), 6);
      MapFunction<Row, Row> dying =
          row -> {
            TaskContext task = TaskContext.get();
            boolean middle = row.<String>getAs("row").endsWith("15\"}"); // of the second task
            if (middle && task.attemptNumber() + task.stageAttemptNumber() == 0) {
              Runtime.getRuntime().halt(137);
            }
            return row;
          };
      flags.write(session, results.map(dying, Encoders.row(results.schema())));
      List<String> held =
          session
              .range(0, 8, 1, 8)
              .map(
                  (MapFunction<Long, String>)
                      _ -> SparkEnv.get().executorId() + " " + ExecutorModel.held(),
                  Encoders.STRING())
              .distinct()
              .collectAsList();
      assertThat(held)
          .allMatch(line -> line.matches("\\d+ [01]"))
          .anyMatch(line -> line.endsWith(" 1"));
      Map<String, String> written =
          session
              .read()
              .parquet(out)
              .selectExpr("row", "to_json(struct(completion, tokens, stop))")
              .collectAsList()
              .stream()
              .collect(Collectors.toMap(row -> row.getString(0), row -> row.getString(1)));
      List<String> lines = Files.readAllLines(file);
      assertThat(lines.stream().map(written::get).toList()).isEqualTo(expected);
      assertThat(written).hasSize(ROWS); // and no line twice, which toMap refuses
    } finally {
      session.stop();
    }
  }
}
