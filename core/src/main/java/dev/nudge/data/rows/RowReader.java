package dev.nudge.data.rows;

import dev.nudge.data.source.NotUtf8;
import dev.nudge.data.source.OtherFormat;
import dev.nudge.data.source.Pick;
import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.RowSource.Piece;
import dev.nudge.data.source.SourceFiles;
import dev.nudge.data.source.SourceFiles.Found;
import dev.nudge.data.source.Sources;
import dev.nudge.data.source.TableReader;
import dev.nudge.data.source.Unreadable;
import dev.nudge.settings.Count;
import dev.nudge.settings.verb.DataSettings;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Reads the rows of data files, one file after the other, or of a query over them.
///
/// Blank lines are skipped and not counted in `index`.
///
/// Threading: one thread.
public final class RowReader implements AutoCloseable {
  private static final Path QUERY = Path.of("(--sql)");

  private final List<Found> files;
  private final @Nullable String sql;
  private final @Nullable InputStream standardInput;
  private final Map<String, List<Path>> guessed = new LinkedHashMap<>();
  private final List<Integer> starts = new ArrayList<>(); // index of each source's first row
  private @Nullable RowSource in;
  private int file = -1;
  private int index;

  private RowReader(List<Found> files, @Nullable String sql, @Nullable InputStream standardInput) {
    this.files = files;
    this.sql = sql;
    this.standardInput = standardInput;
  }

  /// Opens files, folders and globs.
  ///
  /// @throws InputException if a file is missing or a glob matches nothing
  public static RowReader open(List<String> filesOrGlobs) {
    return new RowReader(SourceFiles.of(filesOrGlobs, Pick.TRAIN), null, null);
  }

  /// Opens files that were found before.
  public static RowReader of(List<Found> files) {
    return new RowReader(files, null, null);
  }

  /// Opens what the settings name.
  public static RowReader open(DataSettings data, Pick pick) {
    return new RowReader(SourceFiles.of(data.data(), pick), data.shape().sql(), null);
  }

  /// The same where one of the files may be standard input, `-`.
  ///
  /// @param standardInput null: it is not to be read here
  public static RowReader open(DataSettings data, @Nullable InputStream standardInput) {
    return new RowReader(
        SourceFiles.of(data.data(), Pick.TRAIN, standardInput != null),
        data.shape().sql(),
        standardInput);
  }

  /// Returns the next rows, at most `most` of them; empty at the end.
  ///
  /// @throws InputException if a file has an unsupported format, is not UTF-8 or cannot be read
  public List<SourceLine> next(int most) {
    List<SourceLine> lines = new ArrayList<>();
    while (lines.size() < most) {
      Piece piece = piece();
      if (piece == null) {
        break;
      }
      lines.add(new SourceLine(index++, path(), piece.line(), piece.text(), piece.problem()));
    }
    return lines;
  }

  private Path path() {
    return sql == null ? files.get(file).file() : QUERY;
  }

  private @Nullable Piece piece() {
    try {
      while (true) {
        if (in == null) {
          if (file + 1 == files.size() || sql != null && file >= 0) {
            return null;
          }
          file++;
          begin(files.get(file).source());
          in = opened(files.get(file).file());
        }
        Piece piece = in.next();
        if (piece != null) {
          return piece;
        }
        close();
      }
    } catch (NotUtf8 e) {
      throw OtherFormat.notUtf8(path(), e.line(), e);
    } catch (IOException e) {
      throw Unreadable.of(path(), e);
    }
  }

  private void begin(int source) {
    while (starts.size() <= source) {
      starts.add(index);
    }
  }

  private RowSource opened(Path path) throws IOException {
    if (sql != null) {
      return TableReader.find("--sql is given")
          .query(sql, files.stream().map(Found::file).toList());
    }
    RowSource source =
        standardInput != null && path.equals(SourceFiles.STANDARD_INPUT)
            ? Sources.open(path, standardInput)
            : Sources.open(path);
    if (source.guessed() != null) {
      guessed.computeIfAbsent(source.guessed(), what -> new ArrayList<>()).add(path);
    }
    return source;
  }

  /// What was guessed of the files read so far, a line each: `D/a.csv is CSV, columns separated by
  /// ';'`.
  public List<String> guesses() {
    List<String> lines = new ArrayList<>();
    guessed.forEach(
        (what, where) ->
            lines.add(
                where.getFirst()
                    + (where.size() == 1
                        ? " is "
                        : " and " + Count.of(where.size() - 1, "other file") + " are ")
                    + what));
    return lines;
  }

  /// The index of the first row of each name that was given, of those read so far.
  public List<Integer> starts() {
    return starts;
  }

  @Override
  public void close() {
    RowSource open = in;
    in = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException e) {
        throw Unreadable.of(path(), e);
      }
    }
  }
}
