package dev.nudge.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.nudge.settings.SettingComponent;
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
  public boolean isOther(Withers<?> settings, SettingComponent knob) {
    return knob.key().equals("adapter") || knob.key().equals("allow_origin");
  }

  @Test
  void callersThatAreAllowedAreNamesAndOriginsAndOnlyWhereNothingElseDecides() {
    ServeSettings settings = ServeSettings.of(A);
    assertThat(settings.withAllowOrigin("HTTPS://App.example:8443").allowOrigin())
        .containsExactly("HTTPS://App.example:8443");
    for (String url :
        new String[] {"*", "null", "app.example", "https://a.example/x", "https://"}) {
      assertThatThrownBy(() -> settings.withAllowOrigin(url))
          .hasMessage(
              "withAllowOrigin is '"
                  + url
                  + "'; it must be scheme, host and port of one site without a path, as in"
                  + " https://app.example.org");
    }
    for (String name :
        new String[] {"*", "http://a.example", "a.example:80", "10.0.0.1:8080", ""}) {
      assertThatThrownBy(() -> settings.withAllowHost(name))
          .hasMessageContaining(
              "it must be a name or an address without scheme and port, as in nudge.example.org");
    }
    assertThatThrownBy(() -> settings.withAllowKeylessAdmin(true).withAdminKeyFile(A))
        .hasMessage(
            "withAllowKeylessAdmin is given with withAdminKeyFile; it is for a server of this"
                + " machine alone, so leave one out");
    assertThatThrownBy(() -> settings.withAllowKeylessAdmin(true).withHost("0.0.0.0"))
        .hasMessageContaining("is given with withHost 0.0.0.0;");
  }

  @Test
  void adaptersToServeHaveANameEach() {
    ServeSettings settings = ServeSettings.of(A).withAdapter("one=a", "two=legal@champion");
    assertThat(settings.adapters()).isEqualTo(Map.of("one", "a", "two", "legal@champion"));
    assertThatThrownBy(() -> settings.withAdapter("one=a", "one=b"))
        .hasMessage("withAdapter: two are named 'one'; give each a name of its own");
    assertThatThrownBy(() -> settings.withAdapter("a@b=c"))
        .hasMessage(
            "withAdapter is 'a@b=c'; a name is of letters, digits, '.', '_' and '-', at most 128");
  }
}
