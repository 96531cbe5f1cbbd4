package dev.nudge.eval.task;

import dev.nudge.data.source.RowSource;
import dev.nudge.data.source.Sources;
import dev.nudge.format.Json;
import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.BooleanNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.NullNode;
import tools.jackson.databind.node.ObjectNode;

/// Reads the documents of a task from local files.
///
/// For `dataset_path: json`, `csv`, `parquet` or `text` the files are those of `dataset_kwargs:
/// data_files`, by split; a relative name is looked up in the data folder, beside the task file,
/// and in the working directory, in this order. Any other `dataset_path` is a Hugging Face
/// dataset, whose export is looked up as `DATA/PATH/NAME/SPLIT` with the suffix .jsonl, .json,
/// .csv or .parquet, or as `SPLIT-*` with one of them, also in a subfolder `data`; NAME is
/// `dataset_name`, if set.
final class TaskData {
  private static final Set<String> FILES = Set.of("json", "csv", "parquet", "text");
  private static final List<String> ENDINGS =
      List.of(".jsonl", ".json", ".csv", ".tsv", ".parquet", ".jsonl.gz", ".json.gz", ".csv.gz");

  private final TaskConfig config;
  private final List<Path> folders;
  private final Map<String, Documents> splits = new HashMap<>();

  /// @param dataDir folder that is searched first; null: not set
  TaskData(TaskConfig config, @Nullable Path dataDir) {
    this.config = config;
    List<Path> all = new ArrayList<>();
    if (dataDir != null) {
      all.add(dataDir);
    }
    Path taskFolder = Path.of(config.place()).getParent();
    all.add(taskFolder == null ? Path.of("") : taskFolder);
    all.add(Path.of(""));
    this.folders = List.copyOf(all);
  }

  /// Returns the documents of a split.
  ///
  /// @throws InputException in one line, if there are none
  Documents split(String name) {
    Documents found = splits.get(name);
    if (found == null) {
      found = read(name, files(name));
      splits.put(name, found);
    }
    return found;
  }

  private List<Path> files(String split) {
    String path = config.keys().text("dataset_path");
    if (path == null) {
      throw config.keys().wrong("dataset_path", "json, csv, or the name of a data set");
    }
    TaskKeys kwargs = config.keys().map("dataset_kwargs");
    Object named = kwargs == null ? null : kwargs.get("data_files");
    if (!FILES.contains(path)) {
      return exported(path, split);
    }
    if (kwargs == null || named == null) {
      throw new InputException(
          "%s: dataset_path is %s and dataset_kwargs has no data_files; name the files there"
              .formatted(config.place(), path));
    }
    TaskKeys bySplit =
        named instanceof Map<?, ?> map ? new TaskKeys(kwargs.place() + ": data_files", map) : null;
    List<String> names =
        bySplit == null
            ? split.equals("train") ? kwargs.texts("data_files") : null
            : bySplit.texts(split);
    if (names == null) {
      throw new InputException(
          "%s: data_files has no split %s%s"
              .formatted(
                  config.place(),
                  split,
                  bySplit == null
                      ? "; files without a split are train"
                      : "; it has " + String.join(", ", bySplit.all().keySet())));
    }
    List<Path> files = new ArrayList<>();
    for (String name : names) {
      files.addAll(named(name));
    }
    return files;
  }

  private List<Path> named(String name) {
    for (Path folder : folders) {
      Path file = folder.resolve(path(name));
      if (Files.isRegularFile(file)) {
        return List.of(file);
      }
      List<Path> several =
          name.indexOf('*') < 0
              ? List.of()
              : matching(file.getParent(), String.valueOf(file.getFileName()));
      if (!several.isEmpty()) {
        return several;
      }
    }
    throw new InputException(
        "%s: data_files names %s, which is in none of %s; set --data-dir to the folder that has it"
            .formatted(config.place(), name, shown()));
  }

  private Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new InputException("%s: %s is no path".formatted(config.place(), name), e);
    }
  }

  private String shown() {
    return String.join(
        ", ",
        folders.stream()
            .map(f -> f.toString().isEmpty() ? "the working folder" : f.toString())
            .toList());
  }

  /// Returns the files of a folder that match a glob; of the working directory without a folder.
  private List<Path> matching(@Nullable Path named, String glob) {
    Path folder = named == null ? Path.of("") : named;
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> all = Files.list(folder)) {
      PathMatcher matcher = folder.getFileSystem().getPathMatcher("glob:" + glob);
      return all.filter(file -> matcher.matches(file.getFileName()))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (IOException e) {
      return List.of();
    } catch (PatternSyntaxException e) {
      throw new InputException(
          "%s: data_files names %s, which is no pattern; close its brackets and braces"
              .formatted(config.place(), glob),
          e);
    }
  }

  private List<Path> exported(String path, String split) {
    String name = config.keys().text("dataset_name");
    Path place = name == null ? path(path) : path(path).resolve(path(name));
    for (Path folder : folders) {
      for (Path within : List.of(folder.resolve(place), folder.resolve(place).resolve("data"))) {
        for (String ending : ENDINGS) {
          Path file = within.resolve(split + ending);
          if (Files.isRegularFile(file)) {
            return List.of(file);
          }
          List<Path> parts = matching(within, split + "-*" + ending);
          if (!parts.isEmpty()) {
            return parts;
          }
        }
      }
    }
    throw new InputException(
        "%s: the split %s of the data set %s is not here: there is no %s/%s.jsonl in %s; export it there and set --data-dir, as docs/reference/evaluation.md shows"
            .formatted(
                config.place(),
                split,
                name == null ? path : path + " (" + name + ")",
                place,
                split,
                shown()));
  }

  private Documents read(String split, List<Path> files) {
    List<JsonNode> rows = new ArrayList<>();
    boolean csv = false;
    for (Path file : files) {
      String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
      csv |= name.contains(".csv") || name.contains(".tsv");
      read(file, rows);
    }
    if (rows.isEmpty()) {
      throw new InputException(
          "%s: the split %s has no documents, in %s"
              .formatted(config.place(), split, files.getFirst()));
    }
    return TableColumns.of(csv ? CsvTypes.of(rows) : rows);
  }

  private void read(Path file, List<JsonNode> rows) {
    if ("text".equals(config.keys().get("dataset_path"))) {
      lines(file, rows);
      return;
    }
    try (RowSource source = Sources.open(file)) {
      for (RowSource.Piece piece = source.next(); piece != null; piece = source.next()) {
        if (piece.problem() == null && piece.text().isBlank()) {
          continue;
        }
        rows.add(row(file, piece));
      }
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private void lines(Path file, List<JsonNode> rows) {
    try {
      rows.addAll(TextLines.read(file));
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  private InputException unreadable(Path file, IOException e) {
    return new InputException(
        "%s: %s cannot be read: %s".formatted(config.place(), file, OutFolder.reason(e)), e);
  }

  private static JsonNode row(Path file, RowSource.Piece piece) {
    String problem = piece.problem();
    try {
      JsonNode row = problem == null ? Json.parse(piece.text()) : null;
      if (row != null && row.isObject()) {
        return row;
      }
      problem = problem == null ? "it is no JSON object" : problem;
    } catch (JacksonException e) {
      problem = "it is no JSON";
    }
    throw new InputException(
        "%s, line %s: %s; a document is an object on a line"
            .formatted(file, piece.line(), Objects.requireNonNull(problem)));
  }

  /// Reads a plain text file as `datasets` does with `dataset_path: text`: one document per line,
  /// empty lines included, in the column `text`.
  private static final class TextLines {
    private TextLines() {}

    /// @throws InputException if the file is not UTF-8
    static List<JsonNode> read(Path file) throws IOException {
      byte[] bytes = Files.readAllBytes(file);
      if (Sources.isGzip(bytes)) {
        try (GZIPInputStream in = new GZIPInputStream(new ByteArrayInputStream(bytes))) {
          bytes = in.readAllBytes();
        }
      }
      String text;
      try {
        text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
      } catch (CharacterCodingException e) {
        throw new InputException(file + " is not UTF-8 text", e);
      }
      List<JsonNode> rows = new ArrayList<>();
      for (String line : text.split("\r\n|\r|\n", -1)) {
        rows.add(JsonNodeFactory.instance.objectNode().put("text", line));
      }
      boolean ended = text.isEmpty() || text.endsWith("\n") || text.endsWith("\r");
      return ended ? rows.subList(0, rows.size() - 1) : rows;
    }
  }

  /// Infers CSV column types as pandas does: int, float, bool, else string; missing values are
  /// null,
  /// and turn a column of ints into floats.
  private static final class CsvTypes {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;
    private static final Set<String> MISSING =
        Set.of(
            "",
            "#N/A",
            "#N/A N/A",
            "#NA",
            "-1.#IND",
            "-1.#QNAN",
            "-NaN",
            "-nan",
            "1.#IND",
            "1.#QNAN",
            "<NA>",
            "N/A",
            "NA",
            "NULL",
            "NaN",
            "None",
            "n/a",
            "nan",
            "null");
    private static final Pattern WHOLE = Pattern.compile("\\s*[-+]?\\d{1,18}\\s*");
    private static final Pattern REAL =
        Pattern.compile("\\s*[-+]?(\\d+\\.?\\d*|\\.\\d+)([eE][-+]?\\d+)?\\s*");
    private static final Set<String> TRUE = Set.of("True", "TRUE", "true");
    private static final Set<String> FALSE = Set.of("False", "FALSE", "false");

    private enum Type {
      WHOLE,
      REAL,
      BOOLEAN,
      TEXT
    }

    private CsvTypes() {}

    static List<JsonNode> of(List<JsonNode> rows) {
      Map<String, Type> types = new LinkedHashMap<>();
      if (!rows.isEmpty()) {
        rows.getFirst().propertyNames().forEach(name -> types.put(name, type(rows, name)));
      }
      List<JsonNode> typed = new ArrayList<>(rows.size());
      for (JsonNode row : rows) {
        ObjectNode all = NODES.objectNode();
        types.forEach((name, type) -> all.set(name, value(row.path(name).asString(""), type)));
        typed.add(all);
      }
      return typed;
    }

    private static Type type(List<JsonNode> rows, String name) {
      boolean missing = false;
      boolean whole = true;
      boolean real = true;
      boolean truth = true;
      boolean any = false;
      for (JsonNode row : rows) {
        String text = row.path(name).asString("");
        if (MISSING.contains(text)) {
          missing = true;
          continue;
        }
        any = true;
        whole &= WHOLE.matcher(text).matches();
        real &= REAL.matcher(text).matches();
        truth &= TRUE.contains(text) || FALSE.contains(text);
      }
      if (!any || !real && !truth || truth && missing) {
        return Type.TEXT;
      }
      return truth ? Type.BOOLEAN : whole && !missing ? Type.WHOLE : Type.REAL;
    }

    private static JsonNode value(String text, Type type) {
      if (MISSING.contains(text)) {
        return NullNode.instance;
      }
      return switch (type) {
        case WHOLE -> whole(text.strip());
        case REAL -> NODES.numberNode(Double.parseDouble(text.strip()));
        case BOOLEAN -> BooleanNode.valueOf(TRUE.contains(text));
        case TEXT -> NODES.stringNode(text);
      };
    }

    private static JsonNode whole(String text) {
      long value = Long.parseLong(text);
      return value == (int) value ? NODES.numberNode((int) value) : NODES.numberNode(value);
    }
  }
}
