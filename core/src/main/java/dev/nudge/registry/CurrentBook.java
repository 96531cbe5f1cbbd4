package dev.nudge.registry;

import dev.nudge.format.Claim;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.NudgeException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;

/// Holds the state of a registry: replays its journal, reads lines that other processes appended,
/// and admits one writer at a time.
///
/// A snapshot at a byte of the journal is kept as `book.index`, so that readers need only the rest
/// of the journal. The file may be lost; it is rewritten after [#WORTH] more bytes. Its first line
/// has the format version, the byte position in the journal, the checksum of the bytes before it
/// ([Journal#mark]) and the checksum of the other lines. These are: `N` a name with its highest
/// version number ever assigned, `V` a version of that name, `A` an alias, `P` a protected alias;
/// fields are separated by tabs, texts are JSON strings.
///
/// Threading: any thread. Writers of all processes are serialised; a reader waits for a writer of
/// its own process.
final class CurrentBook {
  static final String FILE = "book.index";

  /// Bytes of a journal that are read without a snapshot.
  private static final long WORTH = 64 << 10;

  private static final String VERSION = "2";
  private static final String NONE = "-";

  private final OciLayout layout;
  private final Journal journal;
  private Book book;
  private boolean opened;
  private long kept; // bytes of the journal that the snapshot covers

  CurrentBook(OciLayout layout, Journal journal) {
    this.layout = layout;
    this.journal = journal;
    this.book = new Book(layout::adapter);
  }

  /// Creates the registry if it is missing.
  void make() {
    OutFolder.checkPlace("--registry", layout.folder());
    OutFolder.make(layout.folder());
    try (Claim _ = Claim.await(layout.folder())) {
      if (!journal.exists()) {
        journal.create();
      }
      if (!layout.exists()) {
        layout.create();
      }
    }
  }

  /// Reads the current state.
  synchronized <T extends @Nullable Object> T read(Function<Book, T> read) {
    return read.apply(book());
  }

  /// Makes a change under the write lock, and writes the index after it.
  <T extends @Nullable Object> T change(Function<Book, T> change) {
    if (!journal.exists()) {
      throw new RegistryException(
          RegistryException.Reason.UNKNOWN,
          "there is no registry at %s; nudge adapters push makes one, --registry names another"
              .formatted(layout.folder()));
    }
    try (Claim _ = Claim.await(layout.folder())) {
      synchronized (this) {
        T done = change.apply(book());
        try {
          layout.index(layout.manifests(book));
          if (journal.known() - kept > WORTH) {
            write();
            kept = journal.known();
          }
        } catch (NudgeException e) {
          // the index is derived: the next change rewrites it
        }
        return done;
      }
    }
  }

  /// Adds an event, within a change.
  void append(RegistryEvent event) {
    journal.append(event);
    book();
  }

  /// The current state, including the changes of other processes.
  private Book book() {
    if (!opened) {
      opened = true;
      Snapshot found = read(layout.folder(), journal, layout::adapter);
      if (found != null) {
        journal.skip(found.bytes());
        book = found.book();
        kept = found.bytes();
      }
    }
    Journal.News news = journal.read();
    if (news.anew()) {
      book = new Book(layout::adapter);
      kept = 0;
    }
    news.events().forEach(book::add);
    return book;
  }

  /// A snapshot.
  ///
  /// @param bytes position in the journal
  record Snapshot(Book book, long bytes) {}

  /// Reads the snapshot; null if it is missing, damaged or of another journal.
  static @Nullable Snapshot read(Path folder, Journal journal, Function<String, Path> folders) {
    try {
      String text = Files.readString(folder.resolve(FILE));
      int end = text.indexOf('\n');
      String[] head = text.substring(0, Math.max(end, 0)).split("\t", -1);
      String rest = text.substring(end + 1);
      if (head.length != 4 || !head[0].equals(VERSION) || !head[3].equals(sum(rest))) {
        return null;
      }
      long bytes = Long.parseLong(head[1]);
      if (!head[2].equals(journal.mark(bytes))) {
        return null;
      }
      Book book = new Book(folders);
      String name = "";
      for (String line : rest.split("\n")) {
        String[] field = line.split("\t", -1);
        switch (field[0]) {
          case "N" -> {
            name = field[1];
            book.put(name, Integer.parseInt(field[2]));
          }
          case "V" -> book.put(version(name, field, folders));
          case "A" -> book.put(name, alias(field));
          case "P" ->
              book.put(
                  name,
                  new Protection(
                      field[1], field[2].equals(NONE) ? null : field[2], note(field, 3)));
          default -> {
            return null;
          }
        }
      }
      return new Snapshot(book, bytes);
    } catch (IOException | JacksonException | IllegalArgumentException e) {
      return null;
    }
  }

  private static Version version(String name, String[] field, Function<String, Path> folders) {
    List<Version.Report> reports = new ArrayList<>();
    if (!field[11].equals(NONE)) {
      Json.parse(field[11])
          .forEach(report -> reports.add(Json.record(report, Version.Report.class)));
    }
    return new Version(
        name,
        Integer.parseInt(field[1]),
        field[2],
        folders.apply(field[2]),
        VersionState.valueOf(field[3]),
        note(field, 4),
        Long.parseLong(field[7]),
        Long.parseLong(field[8]),
        Integer.parseInt(field[9]),
        field[10].equals(NONE) ? null : field[10],
        List.copyOf(reports));
  }

  private static Alias alias(String[] field) {
    List<String> before = field[7].isEmpty() ? List.of() : Arrays.asList(field[7].split(","));
    return new Alias(field[1], Integer.parseInt(field[2]), field[3], note(field, 4), before);
  }

  private static Note note(String[] field, int at) {
    String by = text(field[at + 1]);
    return new Note(
        Instant.ofEpochMilli(Long.parseLong(field[at])), by == null ? "" : by, text(field[at + 2]));
  }

  private static @Nullable String text(String json) {
    if (json.equals(NONE)) {
      return null;
    }
    return json.indexOf('\\') < 0
        ? json.substring(1, json.length() - 1)
        : Json.parse(json).asString();
  }

  private static String shown(@Nullable String text) {
    return text == null ? NONE : Json.line(text);
  }

  /// Writes a snapshot.
  ///
  /// @throws dev.nudge.settings.RunException if writing fails
  private void write() {
    StringBuilder lines = new StringBuilder();
    book.shelves(
        (name, last, versions, aliases, protections) -> {
          line(lines, "N", name, last);
          for (Version v : versions) {
            line(
                lines,
                "V",
                v.number(),
                v.digest(),
                v.state().name(),
                v.pushed().at().toEpochMilli(),
                shown(v.pushed().by()),
                shown(v.pushed().why()),
                v.manifestBytes(),
                v.bytes(),
                v.rank(),
                v.base() == null ? NONE : v.base(),
                v.reports().isEmpty() ? NONE : Json.line(v.reports()));
          }
          for (Alias a : aliases) {
            line(
                lines,
                "A",
                a.name(),
                a.version(),
                a.digest(),
                a.moved().at().toEpochMilli(),
                shown(a.moved().by()),
                shown(a.moved().why()),
                String.join(",", a.before()));
          }
          for (Protection p : protections) {
            line(
                lines,
                "P",
                p.alias(),
                p.policy() == null ? NONE : p.policy(),
                p.note().at().toEpochMilli(),
                shown(p.note().by()),
                shown(p.note().why()));
          }
        });
    long bytes = journal.known();
    String rest = lines.toString();
    String mark = journal.mark(bytes);
    if (mark != null) {
      String head = String.join("\t", VERSION, Long.toString(bytes), mark, sum(rest));
      OutFolder.place(layout.folder().resolve(FILE), head + "\n" + rest);
    }
  }

  private static void line(StringBuilder lines, Object... fields) {
    for (int i = 0; i < fields.length; i++) {
      lines.append(i == 0 ? "" : "\t").append(fields[i]);
    }
    lines.append('\n');
  }

  private static String sum(String text) {
    CRC32C sum = new CRC32C();
    sum.update(text.getBytes(StandardCharsets.UTF_8));
    return Long.toHexString(sum.getValue());
  }
}
