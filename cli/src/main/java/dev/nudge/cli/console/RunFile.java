package dev.nudge.cli.console;

import dev.nudge.settings.InputException;
import dev.nudge.settings.Layer;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Load;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/// Reads a run's settings from a YAML 1.2 file with flat, unique keys.
public final class RunFile {
  private RunFile() {}

  public static Layer read(Path file) {
    return read("--config", file);
  }

  /// @param flag the flag with the file's path, for messages
  public static Layer read(String flag, Path file) {
    @Nullable Object document = parse(flag, file);
    Map<String, @Nullable Object> values = new LinkedHashMap<>();
    if (document != null && !(document instanceof Map)) {
      throw new InputException(file + ": holds no settings; it must hold lines such as rank: 16");
    }
    if (document instanceof Map<?, ?> map) {
      for (Map.Entry<?, ?> entry : map.entrySet()) {
        if (!(entry.getKey() instanceof String key)) {
          throw new InputException(
              file + ": key " + entry.getKey() + " is not the name of a setting");
        }
        values.put(key, entry.getValue());
      }
    }
    return Layer.of(file.toString(), values);
  }

  private static @Nullable Object parse(String flag, Path file) {
    LoadSettings strict =
        LoadSettings.builder()
            .setAllowDuplicateKeys(false)
            .setMaxAliasesForCollections(10)
            .setLabel(file.toString())
            .build();
    try {
      return new Load(strict).loadFromString(Files.readString(file));
    } catch (MarkedYamlEngineException e) {
      String where =
          e.getProblemMark()
              .map(m -> " line " + (m.getLine() + 1) + ", column " + (m.getColumn() + 1))
              .orElse("");
      throw new InputException(file + where + ": " + words(String.valueOf(e.getProblem())), e);
    } catch (YamlEngineException e) {
      throw new InputException(file + ": a character or a part of it is not YAML", e);
    } catch (NoSuchFileException e) {
      throw new InputException(flag + " is " + file + "; there is no such file", e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + ": is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(
          flag + " is " + file + "; it cannot be read: " + Failure.of(e).line(), e);
    }
  }

  /// Rewords a YAML error without the parser's internal terms.
  private static String words(String problem) {
    if (problem.startsWith("found duplicate key")) {
      return "the key "
          + problem.substring("found duplicate key".length()).strip()
          + " comes twice";
    }
    if (problem.contains("TAB") || problem.contains("\\t")) {
      return "a tab stands where spaces are needed";
    }
    if (problem.contains("mapping values are not allowed")) {
      return "a colon stands where none may; is the line indented too far, or does a text need"
          + " quotes?";
    }
    if (problem.contains("',' or ']'") || problem.contains("',' or '}'")) {
      return "a list or map in brackets is not closed before this";
    }
    if (problem.contains("end of stream")) {
      return "the file ends within a text in quotes or in brackets";
    }
    if (problem.contains("<block end>")) {
      return "the line is not indented as those above it";
    }
    return "this is not YAML; a setting is a line such as rank: 16";
  }
}
