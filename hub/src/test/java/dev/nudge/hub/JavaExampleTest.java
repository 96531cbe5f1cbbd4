package dev.nudge.hub;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// What docs/reference/java.md shows, on a cache that somebody else left.
class JavaExampleTest {
  @TempDir Path home;

  @Test
  void aModelOfTheHubIsAFolder() throws IOException {
    Assumptions.assumeTrue("1".equals(System.getenv("HF_HUB_OFFLINE"))); // as the build sets it
    Assumptions.assumeTrue(
        System.getenv("HF_HOME") == null
            && System.getenv("HF_HUB_CACHE") == null
            && System.getenv("XDG_CACHE_HOME") == null);
    String commit = "c".repeat(40);
    Path repository =
        home.resolve(".cache/huggingface/hub/models--HuggingFaceTB--SmolLM2-135M-Instruct");
    Path snapshot = Files.createDirectories(repository.resolve("snapshots").resolve(commit));
    Files.writeString(snapshot.resolve("model.safetensors"), "");
    Files.createDirectories(repository.resolve("refs"));
    Files.writeString(repository.resolve("refs/main"), commit);

    Hub hub = Hub.of(HubSettings.of(System.getenv(), home));
    Path model = hub.model("HuggingFaceTB/SmolLM2-135M-Instruct", HubListener.NONE).place();

    assertThat(model).isEqualTo(snapshot);
  }
}
