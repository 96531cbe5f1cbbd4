package dev.nudge.settings.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Patterns of modules are Python's, as PEFT's configs hold them.
class LoraSettingsTest {
  private static final TrainSettings RUN =
      TrainSettings.of(Path.of("model"), Path.of("rows.jsonl"), Path.of("out"));

  @Test
  void namedGroupsOfPythonAreTaken() {
    for (String pattern :
        List.of(
            "/model\\.layers\\.(?P<layer>\\d+)\\..*_proj/",
            "/(?P<the_name>q|v)_(?P=the_name)/",
            "/.*\\.[0-9]{,2}\\.mlp\\..*/")) {
      assertThat(RUN.withTargets(pattern).lora().targets()).isEqualTo(pattern);
      assertThat(RUN.withMethod(Method.FULL).withFreeze(pattern).lora().freeze())
          .containsExactly(pattern);
    }
  }

  @Test
  void whatPythonDoesNotReadIsRefusedWithItsFlag() {
    assertThatThrownBy(() -> RUN.withTargets("/(?<layer>q)/"))
        .isInstanceOf(InputException.class)
        .hasMessage(
            "withTargets is '/(?<layer>q)/': the regular expression '(?<layer>q)' cannot be read:"
                + " (?< is not supported");
    assertThatThrownBy(() -> RUN.withMethod(Method.FULL).withFreeze("/(?P=none)/"))
        .isInstanceOf(InputException.class)
        .hasMessageStartingWith(
            "withFreeze is '/(?P=none)/': the regular expression '(?P=none)' cannot be read: ");
  }
}
