package dev.nudge.merge;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.format.Entry;
import dev.nudge.format.SafeTensors;
import dev.nudge.format.SafeTensorsWriter;
import dev.nudge.model.Checkpoint;
import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.InputException;
import dev.nudge.tensor.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Refuses folders that would load with other weights than transformers', or merge into broken
/// ones.
class OddBasesTest {
  @TempDir private Path temp;

  @Test
  void aTiedModelWithAHeadOfItsOwnIsRefused() throws IOException {
    Path model = Bases.write(temp.resolve("base"), Dtype.F32, 1, false);
    Path config = model.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config)
            .replace("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true"));
    assertThatThrownBy(() -> Checkpoint.check(model, ModelConfig.load(model)))
        .isInstanceOf(InputException.class)
        .hasMessage(
            model.resolve("model.safetensors")
                + ": lm_head.weight is another matrix than model.embed_tokens.weight, and"
                + " config.json says tie_word_embeddings; set it to false to use both");
  }

  @Test
  void aMergeDoesNotTakeWhatIsQuantisedBesideTheTextModel() throws IOException {
    Path model = Bases.write(temp.resolve("base"), Dtype.F32, 1, false);
    Path file = model.resolve("model.safetensors");
    Path old = Files.move(file, temp.resolve("old.safetensors"));
    try (SafeTensors from = SafeTensors.open(old)) {
      List<Entry> entries = new ArrayList<>();
      from.names().forEach(name -> entries.add(from.entry(name)));
      entries.add(Entry.of("vision_tower.fc.weight", Dtype.U8, 8, 1));
      entries.add(Entry.of("vision_tower.fc.weight.absmax", Dtype.F32, 1));
      try (SafeTensorsWriter to = SafeTensorsWriter.create(file, Map.of(), entries)) {
        from.names().forEach(name -> to.write(name, from.bytes(name)));
        to.write("vision_tower.fc.weight", java.lang.foreign.MemorySegment.ofArray(new byte[8]));
        to.write(
            "vision_tower.fc.weight.absmax", java.lang.foreign.MemorySegment.ofArray(new byte[4]));
      }
    }
    ModelConfig config = ModelConfig.load(model);
    Checkpoint.check(model, config);
    assertThatThrownBy(() -> Checkpoint.checkRest(model, config))
        .isInstanceOf(InputException.class)
        .hasMessageContaining(
            "vision_tower.fc.weight is stored in nf4 and no part of the text model");
  }
}
