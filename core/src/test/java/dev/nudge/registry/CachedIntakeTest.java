package dev.nudge.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Pushes an adapter of the hub from its cache, where a commit's files are links to those that
/// repositories share.
class CachedIntakeTest {
  private static final Path ADAPTER = Path.of("src/test/resources/golden/peft/all-linear/adapter");
  private static final Note NOTE = Note.of(null);

  @TempDir Path temp;
  private Path snapshot;
  private Registry registry;

  @BeforeEach
  void fill() throws IOException {
    registry = Registry.open(temp.resolve("registry"));
    Path repository = temp.resolve("models--org--name");
    Path blobs = Files.createDirectories(repository.resolve("blobs"));
    snapshot = Files.createDirectories(repository.resolve("snapshots/0123"));
    for (String name : List.of("adapter_config.json", "adapter_model.safetensors")) {
      Files.copy(ADAPTER.resolve(name), blobs.resolve(name));
      Files.createSymbolicLink(snapshot.resolve(name), Path.of("../../blobs", name));
    }
  }

  @Test
  void itsFilesAreTaken() {
    Version version = registry.push("support", snapshot, NOTE).version();
    Version plain = registry.push("plain", ADAPTER, NOTE).version();
    assertThat(version.folder().resolve("adapter_model.safetensors"))
        .hasSameBinaryContentAs(ADAPTER.resolve("adapter_model.safetensors"));
    assertThatThrownBy(
            () -> registry.alias("support", "champion", plain, Alias.Expected.NONE, NOTE))
        .isInstanceOf(RegistryException.class)
        .hasMessage(
            "plain:1 is no version of support; an alias is at a version of its own adapter");
  }

  @Test
  void aLinkOutOfTheCacheIsRefused() throws IOException {
    Path config = snapshot.resolve("adapter_config.json");
    Files.delete(config);
    Files.createSymbolicLink(config, ADAPTER.resolve("adapter_config.json").toAbsolutePath());
    assertThatThrownBy(() -> registry.push("support", snapshot, NOTE))
        .isInstanceOf(InputException.class)
        .hasMessageContaining("adapter_config.json is a link, and links are not followed");
  }
}
