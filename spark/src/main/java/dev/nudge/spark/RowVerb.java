package dev.nudge.spark;

import dev.nudge.engine.RowScore;
import dev.nudge.generate.Completion;
import dev.nudge.generate.RowStream;
import dev.nudge.generate.TableModel;
import dev.nudge.machine.Machine;
import dev.nudge.settings.ByteSize;
import dev.nudge.settings.InputException;
import dev.nudge.settings.Warnings;
import dev.nudge.settings.verb.GenerateSettings;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.settings.verb.ScoreSettings;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.jspecify.annotations.Nullable;

/// A verb for table rows: what the model computes for each row, and the columns it adds.
///
/// @param adapter default adapter, for rows without one; null: the base model
/// @param columns the added columns
/// @param numbered whether results depend on the rows' indices
/// @param check refuses wrong settings on the driver
/// @param values converts a row's result to the values of one or more result rows
/// @param <T> the result of a row
record RowVerb<T>(
    ModelSettings model,
    @Nullable Path adapter,
    @Nullable Path registry,
    @Nullable ByteSize memory,
    StructType columns,
    boolean numbered,
    Consumer<Machine> check,
    Begin<T> begin,
    Function<T, List<Object[]>> values) {
  interface Begin<T> {
    RowStream<T> begin(TableModel model, Instant day, Iterator<TableModel.Row> rows);
  }

  /// Makes the verb from settings.
  ///
  /// @param verb `generate`, `embed` or `score`
  /// @param settings settings by key
  static RowVerb<?> of(String verb, Map<String, ?> settings) {
    return switch (verb) {
      case "score" -> score(ScoreSettings.of(settings));
      case "embed" -> embed(GenerateSettings.of(settings));
      default -> generate(GenerateSettings.of(settings));
    };
  }

  private static RowVerb<List<Completion>> generate(GenerateSettings settings) {
    int n = settings.sampling().n();
    refuse("--logprobs", settings.sampling().logprobs());
    refuse("--skip-bad-rows", settings.skipBadRows());
    StructType columns =
        new StructType()
            .add("completion", DataTypes.StringType)
            .add("tokens", DataTypes.IntegerType)
            .add("stop", DataTypes.StringType);
    return new RowVerb<>(
        settings.model(),
        settings.adapter(),
        settings.registry(),
        settings.memory(),
        n == 1 ? columns : columns.add("choice", DataTypes.IntegerType),
        settings.sampling().temperature() > 0,
        machine -> TableModel.check(settings, machine, Warnings.logged()),
        (model, day, rows) -> model.generate(settings, day, rows),
        all -> IntStream.range(0, n).mapToObj(i -> values(all.get(i), i, n)).toList());
  }

  private static Object[] values(Completion one, int choice, int n) {
    String stop = one.stop().name().toLowerCase(Locale.ROOT);
    return n == 1
        ? new Object[] {one.text(), one.tokens(), stop}
        : new Object[] {one.text(), one.tokens(), stop, choice};
  }

  private static RowVerb<float[]> embed(GenerateSettings settings) {
    refuse("--skip-bad-rows", settings.skipBadRows());
    return new RowVerb<>(
        settings.model(),
        settings.adapter(),
        settings.registry(),
        settings.memory(),
        new StructType().add("embedding", DataTypes.createArrayType(DataTypes.FloatType, false)),
        false,
        machine -> TableModel.check(settings, machine, Warnings.logged()),
        (model, day, rows) -> model.embed(settings, day, rows),
        embedding -> Collections.singletonList(new Object[] {embedding}));
  }

  private static RowVerb<RowScore> score(ScoreSettings settings) {
    refuse("--show", settings.show() != null);
    refuse("--skip-bad-rows", settings.data().skipBadRows());
    return new RowVerb<>(
        settings.model(),
        settings.adapter(),
        settings.registry(),
        null,
        new StructType()
            .add("tokens", DataTypes.IntegerType)
            .add("logprob", DataTypes.DoubleType)
            .add("greedy", DataTypes.BooleanType),
        false,
        machine -> TableModel.check(settings, machine, Warnings.logged()),
        (model, day, rows) -> model.score(settings, day, rows),
        score ->
            Collections.singletonList(
                new Object[] {score.tokens(), score.logprob(), score.greedy()}));
  }

  private static void refuse(String flag, boolean given) {
    if (given) {
      throw new InputException(
          flag
              + " is given for a table, whose results are columns"
              + (flag.equals("--skip-bad-rows") ? "; bad rows have a text in the column error" : "")
              + "; leave it out");
    }
  }
}
