package dev.nudge.cli;

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

/// Reads the settings of a run from a YAML 1.2 file: flat keys, each once.
final class RunFile {
  private RunFile() {}

  static Layer read(Path file) {
    @Nullable Object document = parse(file);
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

  private static @Nullable Object parse(Path file) {
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
      throw new InputException(file + where + ": " + e.getProblem(), e);
    } catch (YamlEngineException e) {
      throw new InputException(
          file + ": " + String.valueOf(e.getMessage()).lines().findFirst().orElse("not YAML"), e);
    } catch (NoSuchFileException e) {
      throw new InputException("--config is " + file + "; there is no such file", e);
    } catch (CharacterCodingException e) {
      throw new InputException(file + ": is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(
          "--config is " + file + "; it cannot be read: " + Failure.of(e).line(), e);
    }
  }
}
