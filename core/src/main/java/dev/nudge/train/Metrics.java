package dev.nudge.train;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.ObjectMapper;

/// Writes `metrics.jsonl`: one object a step or a held-out loss, full precision, a line at a time.
///
/// A line that the disk has no room for is taken back, so the file holds whole lines only.
final class Metrics implements AutoCloseable {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Path file;
  private final RandomAccessFile out; // no channel: an interrupt would close it

  Metrics(Path folder) {
    this.file = folder.resolve(RunFolder.METRICS);
    try {
      Files.deleteIfExists(file);
      this.out = new RandomAccessFile(file.toFile(), "rw");
    } catch (IOException e) {
      throw failed(e);
    }
  }

  void step(TrainEvent.Step s) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("step", s.step());
    row.put("loss", finite(s.loss()));
    row.put("lr", s.lr());
    row.put("grad_norm", finite(s.gradNorm()));
    row.put("tokens", s.tokens());
    row.put("trained_tokens", s.trainedTokens());
    row.put("seconds", s.seconds());
    row.put("tokens_per_s", s.tokensPerSecond());
    row.put("rss_anon_mb", finite(s.rssAnonMb()));
    write(row);
  }

  void evaluated(TrainEvent.Evaluated e) {
    Map<String, @Nullable Object> row = new LinkedHashMap<>();
    row.put("step", e.step());
    row.put("eval_loss", finite(e.loss()));
    row.put("eval_tokens", e.tokens());
    write(row);
  }

  private static @Nullable Double finite(double value) {
    return Double.isFinite(value) ? value : null;
  }

  private void write(Map<String, @Nullable Object> row) {
    byte[] line = (JSON.writeValueAsString(row) + "\n").getBytes(StandardCharsets.UTF_8);
    try {
      long start = out.getFilePointer();
      try {
        out.write(line);
      } catch (IOException e) {
        out.setLength(start);
        throw e;
      }
    } catch (IOException e) {
      throw failed(e);
    }
  }

  private RunException failed(IOException e) {
    return new RunException("cannot write " + file + ": " + OutFolder.reason(e), e);
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw failed(e);
    }
  }
}
