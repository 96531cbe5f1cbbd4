package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.Knob;
import dev.nudge.settings.WitherRules;
import dev.nudge.settings.Withers;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// Changes the settings of a server.
class ServeSettingsTest implements WitherRules {
  private static final Path A = Path.of("a");

  @Override
  public Stream<Withers<?>> settings() {
    return Stream.of(ServeSettings.of(A));
  }

  @Override
  public boolean isOther(Withers<?> settings, Knob knob) {
    return knob.key().equals("adapter");
  }

  @Test
  void adaptersToServeHaveANameEach() {
    ServeSettings settings = ServeSettings.of(A).withAdapter("one=a", "two=legal@champion");
    assertThat(settings.adapters()).isEqualTo(Map.of("one", "a", "two", "legal@champion"));
    assertThatThrownBy(() -> settings.withAdapter("one=a", "one=b"))
        .hasMessage("--adapter: two are named 'one'; give each a name of its own");
    assertThatThrownBy(() -> settings.withAdapter("a@b=c"))
        .hasMessage(
            "--adapter is 'a@b=c'; a name is of letters, digits, '.', '_' and '-', at most 128");
  }
}
