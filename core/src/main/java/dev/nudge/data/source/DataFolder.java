package dev.nudge.data.source;

import static java.util.Objects.requireNonNull;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// Finds the data files of a folder at any depth, by the extensions of formats, in order of name.
///
/// If file names tell splits, only files of one split are taken: `train`, or the one asked for.
final class DataFolder {
  private static final Pattern DATA =
      Pattern.compile(".*\\.(jsonl|ndjson|json|csv|tsv|parquet)(\\.gz)?");
  private static final Pattern NO_DATA =
      Pattern.compile(
          "\\..*|_.*|(dataset_infos?|state|(\\w+_)?config|tokenizer|special_tokens_map|vocab|added_tokens|.*\\.index)\\.json");
  private static final int DEPTH = 8;

  private DataFolder() {}

  static List<Path> files(Path folder, Pick pick) {
    List<Path> all = all(folder);
    if (all.isEmpty()) {
      throw new InputException(
          folder
              + " holds no data; a file of it ends in .jsonl, .json, .csv, .tsv or .parquet, perhaps with .gz");
    }
    Map<String, List<Path>> splits = new TreeMap<>();
    for (Path file : all) {
      String split = DatasetSplit.of(folder.relativize(file));
      if (split != null) {
        splits.computeIfAbsent(split, name -> new ArrayList<>()).add(file);
      }
    }
    String wanted = pick.held() ? requireNonNull(pick.split()) : DatasetSplit.TRAIN;
    if (splits.isEmpty() && !pick.held()) {
      return all;
    }
    List<Path> found = splits.getOrDefault(wanted, List.of());
    if (found.isEmpty() && !pick.held()) {
      throw new InputException(
          "%s has no split %s; it has %s; name files of it by a glob"
              .formatted(folder, wanted, String.join(", ", splits.keySet())));
    }
    return found;
  }

  private static List<Path> all(Path folder) {
    try (Stream<Path> files = Files.walk(folder, DEPTH, FileVisitOption.FOLLOW_LINKS)) {
      return files
          .filter(file -> isData(file.getFileName().toString().toLowerCase(Locale.ROOT)))
          .filter(file -> !hidden(folder.relativize(file)))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (UncheckedIOException e) {
      throw Unreadable.of(folder, requireNonNull(e.getCause()));
    } catch (IOException e) {
      throw Unreadable.of(folder, e);
    }
  }

  private static boolean isData(String name) {
    return DATA.matcher(name).matches() && !NO_DATA.matcher(name).matches();
  }

  private static boolean hidden(Path file) {
    for (Path part : file) {
      if (part.toString().startsWith(".")) {
        return true;
      }
    }
    return false;
  }
}
