package dev.nudge.server.experiments;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogTest {
  private static final List<String> RECORDS =
      List.of("{\"a\":1}", "{\"text\":\"Zoë ✓ 😀\"}", "{\"b\":[2,3]}");

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void name() {
    file = folder.resolve("x.jsonl");
  }

  private List<String> opened() {
    List<String> records = new ArrayList<>();
    Log.open(file, records::add).close();
    return records;
  }

  private byte[] written() throws IOException {
    try (Log log = Log.open(file, record -> {})) {
      for (String record : RECORDS) {
        log.await(log.append(record));
      }
    }
    return Files.readAllBytes(file);
  }

  @Test
  void whatIsAppendedIsReadAgain() throws IOException {
    written();
    assertThat(opened()).isEqualTo(RECORDS);
    try (Log log = Log.open(file, record -> {})) {
      log.append("{}");
    }
    assertThat(opened()).hasSize(4).endsWith("{}");
    assertThat(Files.readString(file).lines().toList().getFirst())
        .matches("\\{\"crc\":\"[0-9a-f]{8}\",\"record\":\\{\"a\":1}}");
  }

  /// Cut after any byte, what was whole before it is there and the rest is gone.
  @Test
  void aTornTailIsCutOff() throws IOException {
    byte[] all = written();
    for (int length = 0; length <= all.length; length++) {
      Files.write(file, Arrays.copyOf(all, length));
      List<String> left = opened();
      assertThat(left).as("%d bytes", length).isEqualTo(RECORDS.subList(0, left.size()));
      long lines =
          new String(Arrays.copyOf(all, length), ISO_8859_1).chars().filter(c -> c == '\n').count();
      assertThat(left).hasSize((int) lines);
      try (Log log = Log.open(file, record -> {})) {
        log.append("{\"after\":true}");
      }
      assertThat(opened()).hasSize((int) lines + 1).endsWith("{\"after\":true}");
    }
  }

  @Test
  void anyByteThatIsWrongInTheLastLineTakesThatLineAlone() throws IOException {
    byte[] all = written();
    int last = all.length - Log.line(RECORDS.getLast()).length;
    for (int i = last; i < all.length; i++) {
      byte[] spoilt = all.clone();
      spoilt[i] ^= 0x20;
      Files.write(file, spoilt);
      assertThat(opened()).as("byte %d", i).isEqualTo(RECORDS.subList(0, 2));
    }
  }

  @Test
  void damageInTheMiddleIsRefusedAndNothingIsCut() throws IOException {
    byte[] all = written();
    all[40] ^= 1;
    Files.write(file, all);
    assertThatThrownBy(this::opened)
        .isInstanceOf(InputException.class)
        .hasMessageContaining("x.jsonl is damaged at byte ");
    assertThat(Files.readAllBytes(file)).isEqualTo(all);
  }

  @Test
  void oneProcessAtATimeHasIt() {
    try (Log log = Log.open(file, record -> {})) {
      log.append("{}");
      assertThatThrownBy(this::opened)
          .isInstanceOf(InputException.class)
          .hasMessageContaining("is in use by another server");
    }
    assertThat(opened()).containsExactly("{}");
  }

  @Test
  void manyWhoWaitAtOnceAreAllKept() {
    int threads = 32;
    try (Log log = Log.open(file, record -> {});
        ExecutorService all = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < threads; i++) {
        String record = "{\"i\":" + i + "}";
        all.submit(
            () -> {
              Thread.currentThread().interrupt(); // harms neither the write nor the file
              log.await(log.append(record));
              return record;
            });
      }
    }
    assertThat(opened()).hasSize(threads).doesNotHaveDuplicates();
  }

  @Test
  void aFileThatCannotBeMadeIsSaidInOneLine() {
    assertThatThrownBy(() -> Log.open(folder.resolve("none/x.jsonl"), record -> {}))
        .isInstanceOf(RunException.class)
        .hasMessageContaining("cannot write");
  }
}
