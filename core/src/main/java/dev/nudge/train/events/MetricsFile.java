package dev.nudge.train.events;

import dev.nudge.format.DiskRoom;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.format.RunFiles;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Writes `metrics.jsonl`: a JSON object for each step and each held-out loss, in full precision.
///
/// A line that does not fit on the disk is removed again, so the file has whole lines only. The
/// file is opened for each line: the run's folder may be renamed between lines.
public final class MetricsFile {
  private static final Set<String> OWN =
      Set.of(
          "step",
          "loss",
          "lr",
          "grad_norm",
          "tokens",
          "trained_tokens",
          "seconds",
          "tokens_per_s",
          "rss_anon_mb");

  private final Supplier<Path> folder;

  /// @param folder the current folder of the run
  public MetricsFile(Supplier<Path> folder) {
    this.folder = folder;
  }

  /// Starts an empty file.
  public void begin() {
    OutFolder.place(file(), "");
  }

  /// Truncates the file to the lines that a checkpoint covers.
  ///
  /// @return false if some of these lines are missing
  public boolean goOn(long bytes) {
    return OutFolder.cut(file(), bytes);
  }

  private Path file() {
    return folder.get().resolve(RunFiles.METRICS);
  }

  /// Bytes of the lines so far.
  public long bytes() {
    return DiskRoom.bytes(List.of(file()));
  }

  /// Reports the steps in the file to a listener, as when they were made.
  ///
  /// @throws InputException if a line is neither a step nor a held-out loss
  public void steps(Consumer<TrainEvent.Step> listener) {
    try (Stream<String> lines = Files.lines(file())) {
      lines
          .map(Json::parse)
          .filter(row -> row.has("loss"))
          .forEach(row -> listener.accept(step(row)));
    } catch (IOException | UncheckedIOException | JacksonException e) {
      throw new InputException(
          file()
              + " cannot be read, so the run cannot go on; put it back, or --overwrite to begin"
              + " anew",
          e);
    }
  }

  private static TrainEvent.Step step(JsonNode row) {
    return new TrainEvent.Step(
        row.path("step").asInt(0),
        0,
        number(row, "loss"),
        row.path("lr").asDouble(0),
        number(row, "grad_norm"),
        row.path("tokens").asLong(0),
        row.path("trained_tokens").asLong(0),
        row.path("seconds").asDouble(0),
        row.path("tokens_per_s").asDouble(0),
        number(row, "rss_anon_mb"),
        figures(row));
  }

  private static Map<String, Double> figures(JsonNode row) {
    Map<String, Double> figures = new LinkedHashMap<>();
    for (String name : row.propertyNames()) {
      if (!OWN.contains(name)) {
        figures.put(name, number(row, name));
      }
    }
    return figures;
  }

  private static double number(JsonNode row, String key) {
    return row.path(key).isNumber() ? row.path(key).doubleValue() : Double.NaN;
  }

  public void step(TrainEvent.Step s) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("step", s.step());
    row.put("loss", Json.finite(s.loss()));
    row.put("lr", s.lr());
    row.put("grad_norm", Json.finite(s.gradNorm()));
    row.put("tokens", s.tokens());
    row.put("trained_tokens", s.trainedTokens());
    row.put("seconds", s.seconds());
    row.put("tokens_per_s", s.tokensPerSecond());
    row.put("rss_anon_mb", Json.finite(s.rssAnonMb()));
    s.figures()
        .forEach(
            (name, figure) -> {
              if (!row.containsKey(name)) { // a null number is a key too
                row.put(name, Json.finite(figure));
              }
            });
    write(row);
  }

  public void evaluated(TrainEvent.Evaluated e) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("step", e.step());
    row.put("eval_loss", Json.finite(e.loss()));
    row.put("eval_tokens", e.tokens());
    e.figures().forEach((name, figure) -> row.put("eval_" + name, Json.finite(figure)));
    write(row);
  }

  private void write(Map<String, @Nullable Object> row) {
    OutFolder.append(file(), Json.line(row));
  }
}
