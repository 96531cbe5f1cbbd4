package dev.nudge.server.capture;

import dev.nudge.chat.FieldException;
import dev.nudge.format.Claim;
import dev.nudge.format.OutFolder;
import dev.nudge.server.CaptureSettings;
import dev.nudge.server.capture.RecentAnswers.RecentAnswer;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Stores a server's prompts, answers and user feedback in a folder of JSON lines that only its
/// owner may read.
///
/// An answer never waits: its line is queued, and a thread redacts and writes it. If the queue is
/// full or writing fails, the line is dropped and counted. Feedback waits until it is on the disk,
/// because the reply to the client confirms that.
///
/// Feedback is accepted for the last 50,000 answers; a restarted server knows the answers of today
/// and yesterday (UTC).
///
/// Threading: any thread.
public final class Capture implements AutoCloseable {
  private static final int RETRY_SECONDS = 5;

  private final CaptureSettings settings;
  private final String base;
  private final InstantSource clock;
  private final Claim claim;
  private final CaptureFiles files;
  private final CaptureQueue queue;
  private final RecentAnswers recent = new RecentAnswers();
  private final DayCounts counts = new DayCounts();

  /// An answer for which feedback was accepted.
  ///
  /// @param adapter adapter with its version
  public record RatedAnswer(String request, String adapter) {}

  private Capture(
      CaptureSettings settings,
      Path folder,
      String base,
      InstantSource clock,
      Claim claim,
      Consumer<String> warnings) {
    this.settings = settings;
    this.base = base;
    this.clock = clock;
    this.claim = claim;
    this.files = new CaptureFiles(folder);
    this.queue =
        new CaptureQueue(
            files, settings.captureRedact(), settings.captureDays(), clock, warnings, counts);
  }

  /// Opens a folder, created if absent; returns null if the settings name none.
  ///
  /// @param base digest of the base's weights
  /// @param warnings receives one line whenever writing starts to fail
  /// @throws InputException if the folder cannot be written
  /// @throws RunException if another server uses the folder
  public static @Nullable Capture open(
      CaptureSettings settings, String base, Consumer<String> warnings) {
    return open(settings, base, InstantSource.system(), warnings);
  }

  static @Nullable Capture open(
      CaptureSettings settings, String base, InstantSource clock, Consumer<String> warnings) {
    Path folder = settings.capture();
    if (folder == null) {
      return null;
    }
    try {
      CaptureFiles.make(folder);
    } catch (IOException e) {
      throw new InputException(
          "--capture " + folder + " cannot be written: " + OutFolder.reason(e), e);
    }
    Claim claim = Claim.in(folder);
    try {
      Capture capture = new Capture(settings, folder, base, clock, claim, warnings);
      capture.remember(folder);
      capture.queue.start();
      return capture;
    } catch (RuntimeException | Error e) {
      claim.close();
      throw e;
    }
  }

  /// Reads the answers and feedback of today and yesterday.
  private void remember(Path folder) {
    LocalDate yesterday = LocalDate.ofInstant(clock.instant(), ZoneOffset.UTC).minusDays(1);
    CaptureReader.files(folder).stream()
        .filter(file -> !day(file).isBefore(yesterday))
        .sorted(Comparator.comparing(Capture::day)) // oldest first, as the oldest are evicted first
        .forEach(
            file ->
                CaptureReader.read(
                    file, line -> remember(line, Objects.requireNonNull(file.getParent()))));
  }

  private static LocalDate day(Path file) {
    return Objects.requireNonNull(CaptureFiles.day(file));
  }

  private void remember(JsonNode line, Path folder) {
    String id = line.path("id").asString("");
    if (line.path("kind").asString("").equals(CapturedAnswer.KIND)) {
      recent.add(RecentAnswer.of(line, folder));
    }
    RecentAnswer kept = recent.find(id);
    if (kept != null) {
      counts.add(kept.adapter(), line, CaptureReader.time(line));
    }
  }

  /// Returns the digest of the base's weights.
  public String base() {
    return base;
  }

  /// Queues an answer, if the settings capture it. Never waits and never fails.
  public void answered(CapturedAnswer answer) {
    if (!settings.wants(answer.client(), answer.adapter())) {
      return;
    }
    ObjectNode line = answer.json();
    RecentAnswer kept = RecentAnswer.of(line, files.folder(answer.client(), answer.adapter()));
    if (queue.offer(kept.folder(), kept.adapter(), line, clock.instant(), null)) {
      recent.add(kept);
    }
  }

  /// Accepts feedback; it is on the disk on return.
  ///
  /// @return the rated answer; null: no captured answer of the client has that id
  /// @throws FieldException if it does not fit the answer
  /// @throws BusyException if the queue is full
  /// @throws RunException if it cannot be written
  public @Nullable RatedAnswer take(String client, Opinion said) {
    RecentAnswer answer = recent.find(client, said.id(), said.byRequest());
    if (answer == null) {
      return null;
    }
    if (said.choice() >= answer.choices()) {
      throw new FieldException(
          "choice",
          "choice is %d; the answer has %d, counted from 0"
              .formatted(said.choice(), answer.choices()));
    }
    if (said.correction() != null && !said.correction().isString() && !answer.chat()) {
      throw new FieldException(
          "correction", "correction is a message, and the answer is a text; give a text");
    }
    String earlier =
        said.regenerationOf() == null ? null : earlier(client, answer, said.regenerationOf());
    ObjectNode line = said.json(answer.id(), earlier);
    CaptureQueue.Written written = new CaptureQueue.Written();
    if (!queue.offer(answer.folder(), answer.adapter(), line, clock.instant(), written)) {
      throw new BusyException(
          "too much waits to be written; send the feedback again later", RETRY_SECONDS);
    }
    written.await();
    return new RatedAnswer(answer.request(), answer.adapter());
  }

  private String earlier(String client, RecentAnswer answer, String id) {
    RecentAnswer earlier = recent.find(client, id, false);
    if (earlier == null) {
      earlier = recent.find(client, id, true);
    }
    if (earlier == null || earlier.id().equals(answer.id())) {
      throw new FieldException(
          "regeneration_of",
          "regeneration_of is '%s'; it must be the request_id or response_id of an earlier answer to the same prompt"
              .formatted(id));
    }
    return earlier.id();
  }

  /// Returns the counts of the last day, by adapter.
  public List<DayCounts.Row> lastDay() {
    return counts.lastDay(clock.instant());
  }

  /// Returns the number of written lines.
  public long written() {
    return queue.written();
  }

  /// Returns the number of lines dropped because the queue was full.
  public long dropped() {
    return queue.dropped();
  }

  /// Returns the number of lines that could not be written.
  public long failed() {
    return queue.failed();
  }

  /// Writes the queued lines, and unlocks the folder.
  @Override
  public void close() {
    queue.close();
    claim.close();
  }
}
