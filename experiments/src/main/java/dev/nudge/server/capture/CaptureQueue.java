package dev.nudge.server.capture;

import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/// A bounded queue of lines, and the thread that redacts and writes them in batches. It also
/// deletes expired files.
///
/// Threading: any thread offers; a daemon thread writes.
final class CaptureQueue implements AutoCloseable {
  static final int MOST_LINES = 4096;
  static final long MOST_BYTES = 64 << 20;
  private static final int BATCH = 256;
  private static final int MOST_SECONDS = 30; // seconds to wait for a write
  private static final Duration RETRY = Duration.ofHours(1); // after a failed deletion
  private static final Set<String> TEXTS =
      Set.of("prompt", "tools", "answers", "label", "comment", "correction");
  private static final Line END =
      new Line(Path.of(""), "", JsonNodeFactory.instance.objectNode(), Instant.EPOCH, 0, null);

  private final CaptureFiles files;
  private final boolean redact;
  private final int days;
  private final InstantSource clock;
  private final Consumer<String> warnings;
  private final DayCounts counts;
  private final LinkedBlockingQueue<Line> queue = new LinkedBlockingQueue<>(MOST_LINES);
  private final AtomicLong bytes = new AtomicLong();
  private final LongAdder written = new LongAdder();
  private final LongAdder dropped = new LongAdder();
  private final LongAdder failed = new LongAdder();
  private @Nullable Thread writer;
  private volatile boolean closed;
  private volatile boolean writerEnded; // the writer takes no more lines
  private boolean failing; // warns once, until writing works again
  private Instant nextSweep = Instant.MIN; // time of the next deletion of old files

  private record Line(
      Path folder,
      String adapter,
      ObjectNode json,
      Instant at,
      long bytes,
      @Nullable Written done) {}

  private record Target(Path folder, LocalDate day) {}

  /// A future that completes when a line is on the disk.
  static final class Written {
    private final CompletableFuture<Void> done = new CompletableFuture<>();

    /// @throws RunException if the line cannot be written
    void await() {
      try {
        done.get(MOST_SECONDS, TimeUnit.SECONDS);
      } catch (ExecutionException e) {
        throw new RunException(e.getCause() instanceof RunException r ? words(r) : words(e), e);
      } catch (TimeoutException e) {
        throw new RunException("the disk took more than %d seconds".formatted(MOST_SECONDS), e);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RunException("the server stops", e);
      }
    }

    private static String words(Exception e) {
      return String.valueOf(e.getMessage());
    }

    /// @param failure the failure; null: the line is on the disk
    private void end(@Nullable Throwable failure) {
      if (failure == null) {
        done.complete(null);
      } else {
        done.completeExceptionally(failure);
      }
    }
  }

  CaptureQueue(
      CaptureFiles files,
      boolean redact,
      int days,
      InstantSource clock,
      Consumer<String> warnings,
      DayCounts counts) {
    this.files = files;
    this.redact = redact;
    this.days = days;
    this.clock = clock;
    this.warnings = warnings;
    this.counts = counts;
  }

  /// Starts the writer.
  void start() {
    writer = Thread.ofPlatform().name("nudge-capture").daemon().start(this::run);
  }

  /// Queues a line; returns false if the queue is full, and counts the line as dropped.
  ///
  /// @param done completed when the line is written; null: nobody waits
  boolean offer(Path folder, String adapter, ObjectNode json, Instant at, @Nullable Written done) {
    long size = size(json);
    Line line = new Line(folder, adapter, json, at, size, done);
    boolean taken = bytes.addAndGet(size) <= MOST_BYTES && !closed && queue.offer(line);
    if (taken && !(writerEnded && queue.remove(line))) {
      return true;
    }
    bytes.addAndGet(-size);
    dropped.increment();
    return false;
  }

  /// Estimates the bytes of a tree in memory.
  private static long size(JsonNode node) {
    long size = 64 + (node.isString() ? 2L * node.stringValue().length() : 0);
    for (JsonNode child : node) {
      size += size(child);
    }
    return size;
  }

  private void run() {
    List<Line> batch = new ArrayList<>();
    boolean ended = false;
    while (!ended) {
      sweep();
      batch.clear();
      Line first = next();
      if (first != null) {
        batch.add(first);
        queue.drainTo(batch, BATCH - 1);
        ended = batch.remove(END);
        write(batch);
      }
    }
    batch.clear();
    writerEnded = true;
    queue.drainTo(batch);
    write(batch);
  }

  private @Nullable Line next() {
    try {
      return queue.poll(1, TimeUnit.HOURS);
    } catch (InterruptedException e) {
      return END; // an interrupt of this thread means its end
    }
  }

  private void sweep() {
    Instant now = clock.instant();
    if (now.isBefore(nextSweep)) {
      return;
    }
    LocalDate today = day(now);
    try {
      files.expire(today.minusDays(days - 1L));
      nextSweep = today.plusDays(1).atStartOfDay(ZoneOffset.UTC).toInstant();
    } catch (IOException | RuntimeException e) {
      nextSweep = now.plus(RETRY);
      warnings.accept("captured texts that are too old cannot be deleted: " + e.getMessage());
    }
  }

  private static LocalDate day(Instant at) {
    return LocalDate.ofInstant(at, ZoneOffset.UTC);
  }

  private void write(List<Line> batch) {
    Map<Target, List<Line>> byFile = new LinkedHashMap<>();
    for (Line line : batch) {
      byFile
          .computeIfAbsent(new Target(line.folder, day(line.at)), _ -> new ArrayList<>())
          .add(line);
    }
    byFile.forEach(this::write);
  }

  private void write(Target target, List<Line> lines) {
    Throwable failure = null;
    try {
      List<String> texts = lines.stream().map(this::text).toList();
      boolean force = lines.stream().anyMatch(line -> line.done != null);
      files.append(target.folder, target.day, texts, force);
      written.add(lines.size());
      failing = false;
    } catch (IOException e) {
      failure = OutFolder.failure(target.folder, e);
    } catch (RuntimeException | Error e) {
      failure = e; // the writer continues with other lines
    }
    if (failure != null) {
      failed.add(lines.size());
      if (!failing) {
        failing = true;
        warnings.accept("answers are not captured: " + failure.getMessage());
      }
    }
    for (Line line : lines) {
      bytes.addAndGet(-line.bytes);
      if (failure == null) {
        counts.add(line.adapter, line.json, line.at);
      }
      if (line.done != null) {
        line.done.end(failure);
      }
    }
  }

  private String text(Line line) {
    ObjectNode stamped = JsonNodeFactory.instance.objectNode().put("time", line.at.toString());
    line.json
        .properties()
        .forEach(
            field ->
                stamped.set(
                    field.getKey(),
                    redact && TEXTS.contains(field.getKey())
                        ? Redaction.of(field.getValue())
                        : field.getValue()));
    return Json.line(stamped);
  }

  long written() {
    return written.sum();
  }

  long dropped() {
    return dropped.sum();
  }

  long failed() {
    return failed.sum();
  }

  /// Writes the queued lines.
  @Override
  public void close() {
    closed = true;
    Thread thread = writer;
    if (thread == null) {
      return;
    }
    try {
      if (queue.offer(END, MOST_SECONDS, TimeUnit.SECONDS)) {
        thread.join(Duration.ofSeconds(MOST_SECONDS));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
