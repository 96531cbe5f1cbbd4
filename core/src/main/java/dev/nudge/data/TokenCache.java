package dev.nudge.data;

import dev.nudge.data.rows.BadRow;
import dev.nudge.data.rows.BadRowException;
import dev.nudge.data.rows.BadRows;
import dev.nudge.data.rows.ContentFlaws;
import dev.nudge.data.rows.PromptBoundary;
import dev.nudge.data.rows.RowReader;
import dev.nudge.data.rows.RowShape;
import dev.nudge.data.rows.SeenShapes;
import dev.nudge.data.rows.SourceLine;
import dev.nudge.data.rows.UsedColumns;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.data.source.Unreadable;
import dev.nudge.data.tokens.Concatenation;
import dev.nudge.data.tokens.CutRows;
import dev.nudge.data.tokens.Example;
import dev.nudge.data.tokens.TokenTableBuilder;
import dev.nudge.format.Json;
import dev.nudge.format.Sha256;
import dev.nudge.settings.verb.DataSettings;
import dev.nudge.settings.verb.EvalSplit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemNotFoundException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Tokenises the rows of data files, and caches the tokens in files of the cache folder.
///
/// 100,000 conversations of 196 tokens take 60 s of processor time to tokenise and below 2 s to
/// open;
/// opened tokens are mapped and take no heap.
///
/// The key of a file is a digest of all that determines its tokens: the tokenizer, the chat
/// template and its label mask, the settings of rows and length, the names, sizes and contents of
/// the data files, and this build. So nothing has to be invalidated by hand, and a torn or
/// damaged file ([TokenFile]) is made again. Small data is tokenised each time, in less than a
/// second.
///
/// A file is written beside its place and renamed, so two processes may write the same one. If the
/// folder is not writable, tokens stay in memory. Writing a file evicts those not used for 30 days,
/// and the oldest until all together are at most 20 GB.
public final class TokenCache {
  public static final String FOLDER = "tokens";
  private static final int CHUNK = 512; // rows
  private static final int VERSION = 6; // raised when tokens or marks of a row change
  private static final long LEAST_BYTES = 256 << 10; // of data files

  /// A listener to the progress of reading.
  public interface Watch {
    /// Receives the progress after each chunk of rows, and once more at the end.
    ///
    /// @param rows rows read so far, bad ones included
    /// @param tokens tokens of the good rows
    /// @param share approximate share of the files that was read; 1 only at the end
    void read(long rows, long tokens, double share);
  }

  private final @Nullable Path folder;
  private final Watch watch;
  private final long leastBytes;

  private TokenCache(@Nullable Path folder, Watch watch, long leastBytes) {
    this.folder = folder;
    this.watch = watch;
    this.leastBytes = leastBytes;
  }

  /// Returns a cache that keeps nothing.
  public static TokenCache none() {
    return new TokenCache(null, (rows, tokens, share) -> {}, 0);
  }

  /// Returns a cache in a folder.
  public static TokenCache in(Path cacheFolder) {
    return new TokenCache(cacheFolder.resolve(FOLDER), (rows, tokens, share) -> {}, LEAST_BYTES);
  }

  /// Copies the cache with a listener, which is not called for rows that are cached already.
  public TokenCache watched(Watch watch) {
    return new TokenCache(folder, watch, leastBytes);
  }

  /// The same for data of any size.
  public TokenCache ofAll() {
    return new TokenCache(folder, watch, 0);
  }

  /// Sequences and what is known of their rows.
  record Rows(List<Example> examples, RowFacts facts) {}

  /// The rows of data, from their file or made.
  ///
  /// @param digest of the contents of the data files
  /// @throws dev.nudge.settings.InputException if a file cannot be read, a row is bad and bad rows
  ///     are not set aside, or no row is good
  Rows rows(Dataset.Reading reading, String digest) {
    Map<String, Long> sizes = sizes(reading);
    long bytes = sizes.values().stream().mapToLong(Long::longValue).sum();
    Path file = bytes < leastBytes ? null : file(reading, digest, sizes);
    Rows kept = file == null ? null : TokenFile.open(file);
    Flaws flaws = reading.flaws();
    if (kept != null) {
      Flaws.Counts seen = kept.facts().flaws();
      if (flaws != null && seen != null) {
        flaws.restore(seen);
      }
      return kept;
    }
    if (file != null) {
      try {
        Files.createDirectories(file.getParent());
        try (TokenFile.Writer writer = TokenFile.write(file)) {
          TokenTableBuilder table = new TokenTableBuilder(writer);
          writer.finish(table, read(reading, table, bytes));
        }
        TokenFile.sweep(file);
        Rows made = TokenFile.open(file);
        if (made != null) {
          return made;
        }
      } catch (IOException | UncheckedIOException e) {
        // the folder cannot be written, or the disk is full: a cache is no reason to fail
      }
    }
    if (flaws != null) {
      flaws.clear(); // what was seen before the disk refused is seen again
    }
    TokenTableBuilder table = new TokenTableBuilder(null);
    RowFacts facts = read(reading, table, bytes);
    return new Rows(table.table().examples(), facts);
  }

  private sealed interface Outcome {
    record Good(RowEncoder.EncodedRow row, ContentFlaws look, boolean held) implements Outcome {}

    record Bad(BadRow row) implements Outcome {}
  }

  /// Reads and tokenises rows in chunks on all processors, with a result that does not depend on
  /// their number.
  ///
  /// @param table receives the sequences, in the order of the rows
  /// @param bytes of the data files
  private RowFacts read(Dataset.Reading reading, TokenTableBuilder table, long bytes) {
    DataSettings data = reading.data();
    RowEncoder encoder = reading.encoder();
    Flaws flaws = reading.flaws();
    RowShape shape = RowShape.of(data, encoder.rows());
    BadRows bad = new BadRows();
    UsedColumns.Tally columns = new UsedColumns.Tally(shape);
    SeenShapes.Tally shapes = new SeenShapes.Tally();
    PromptBoundary.Tally boundaries = new PromptBoundary.Tally();
    CutRows cut = CutRows.none(encoder.maxLength());
    int rows = 0;
    long read = 0; // characters, about as many as bytes
    List<Integer> grouped = new ArrayList<>();
    Concatenation texts = new Concatenation(table, encoder.maxLength());
    Concatenation heldTexts = new Concatenation(table, encoder.maxLength());
    List<String> guesses;
    List<Integer> starts;
    try (RowReader reader = RowReader.open(data, reading.pick())) {
      List<SourceLine> lines = reader.next(CHUNK);
      for (; !lines.isEmpty(); lines = reader.next(CHUNK)) {
        List<Outcome> outcomes =
            lines.stream().parallel().map(line -> outcome(line, shape, reading)).toList();
        for (int i = 0; i < lines.size(); i++) {
          switch (outcomes.get(i)) {
            case Outcome.Good good -> {
              RowEncoder.EncodedRow row = good.row();
              RowShape.Content content = row.contents().getFirst();
              RowEncoder.Sequences sequences = row.sequences();
              SourceLine line = lines.get(i);
              columns.add(content, row.row().names());
              shapes.add(content, row.shape());
              if (row.shape().single()) {
                boundaries.add(content, sequences.sharesToken());
              }
              if (flaws == null || flaws.add(good.look(), line)) {
                if (encoder.concatenates(content)) {
                  int[] ids = sequences.parts().getFirst().ids();
                  (good.held() ? heldTexts : texts).add(ids, line);
                } else {
                  sequences.parts().forEach(part -> table.add(part, line));
                }
                cut = cut.and(sequences.loss(), sequences.parts().size());
                if (good.held()) {
                  grouped.add(line.index());
                }
              }
            }
            case Outcome.Bad row -> bad.add(row.row());
          }
        }
        rows += lines.size();
        read += lines.stream().mapToLong(line -> line.text().length() + 1L).sum();
        watch.read(rows, table.tokens(), Math.min(0.99, (double) read / Math.max(1, bytes)));
      }
      texts.rest();
      heldTexts.rest();
      watch.read(rows, table.tokens(), 1);
      guesses =
          Stream.of(reader.guesses(), texts.said(), heldTexts.said())
              .flatMap(List::stream)
              .toList();
      starts = List.copyOf(reader.starts());
    }
    bad.check(rows, data.skipBadRows(), data.data());
    return new RowFacts(
        bad.count(),
        cut,
        columns.columns(),
        shapes.shapes(),
        shapes.system(),
        boundaries.boundary(),
        guesses,
        starts,
        List.copyOf(grouped),
        flaws == null ? null : flaws.seen());
  }

  private static Outcome outcome(SourceLine line, RowShape shape, Dataset.Reading reading) {
    try {
      RowEncoder.EncodedRow row = reading.encoder().encode(shape, line);
      EvalSplit.Grouped groups = reading.groups();
      return new Outcome.Good(
          row,
          reading.flaws() == null ? ContentFlaws.NOTHING : ContentFlaws.at(row.contents()),
          groups != null && Splits.holdsOut(groups, row.row().text(groups.column())));
    } catch (BadRowException e) {
      return new Outcome.Bad(line.bad(e));
    }
  }

  /// The data files with their bytes.
  private static Map<String, Long> sizes(Dataset.Reading reading) {
    Map<String, Long> sizes = new LinkedHashMap<>();
    for (SourceFiles.Found found : SourceFiles.of(reading.data().data(), reading.pick())) {
      try {
        sizes.merge(found.file().toString(), Files.size(found.file()), Long::sum);
      } catch (IOException e) {
        throw Unreadable.of(found.file(), e);
      }
    }
    return sizes;
  }

  /// The file of these rows; null where none is kept.
  private @Nullable Path file(Dataset.Reading reading, String digest, Map<String, Long> sizes) {
    Map<String, @Nullable Object> rule = folder == null ? null : reading.encoder().rule();
    if (folder == null || rule == null) {
      return null;
    }
    Map<String, @Nullable Object> all = new LinkedHashMap<>();
    all.put("version", VERSION);
    all.put("program", program());
    all.put("rule", rule);
    all.put("data", reading.data());
    all.put("pick", reading.pick());
    all.put("quality", reading.flaws() == null ? null : reading.flaws().settings());
    all.put("groups", reading.groups());
    all.put("files", sizes);
    all.put("digest", digest);
    Sha256 sha = new Sha256();
    sha.update(MemorySegment.ofArray(Json.line(all).getBytes(StandardCharsets.UTF_8)));
    return folder.resolve(sha.hex() + TokenFile.SUFFIX);
  }

  /// Identifies this build, whose tokens another build does not use: the version, with size and
  /// time of the jar if there is one.
  private static String program() {
    String version = String.valueOf(TokenCache.class.getPackage().getImplementationVersion());
    CodeSource source = TokenCache.class.getProtectionDomain().getCodeSource();
    if (source == null || source.getLocation() == null) {
      return version;
    }
    try {
      Path jar = Path.of(new URI(source.getLocation().toString()));
      return Files.isRegularFile(jar)
          ? version + " " + Files.size(jar) + " " + Files.getLastModifiedTime(jar).toMillis()
          : version;
    } catch (URISyntaxException
        | IOException
        | IllegalArgumentException
        | FileSystemNotFoundException e) {
      return version;
    }
  }
}
