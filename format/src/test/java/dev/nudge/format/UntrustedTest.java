package dev.nudge.format;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.security.InvalidAlgorithmParameterException;
import java.security.cert.CertificateException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;

/// Tells a certificate that is refused from other ends of a connection.
class UntrustedTest {
  @Test
  void whoIsNotTrustedIsToldWithWhatSaysWhoIs() {
    assertThat(Untrusted.why(refused("PKIX path building failed")))
        .isEqualTo(
            "this Java does not trust its certificate; NUDGE_JAVA_OPTS="
                + "-Djavax.net.ssl.trustStore=FILE says who is trusted");
    assertThat(Untrusted.why(new IOException("sent", refused("PKIX"))))
        .startsWith("this Java does not trust its certificate");
  }

  @Test
  void aCertificateOfAnotherAddressIsToldAsThat() {
    assertThat(Untrusted.why(refused("No name matching localhost found")))
        .isEqualTo("its certificate is for another address: No name matching localhost found");
  }

  @Test
  void aStoreThatCannotBeReadIsToldAsThat() {
    Exception empty =
        new InvalidAlgorithmParameterException("the trustAnchors parameter must be non-empty");
    assertThat(Untrusted.why(new SSLException("Unhandled exception", new RuntimeException(empty))))
        .endsWith("give its password too, by -Djavax.net.ssl.trustStorePassword");
  }

  @Test
  void otherEndsAreNotAboutCertificates() {
    assertThat(Untrusted.why(new SSLException("Unsupported or unrecognized SSL message"))).isNull();
    assertThat(Untrusted.why(new IOException("reset"))).isNull();
    assertThat(Untrusted.why(new SSLHandshakeException("Remote host terminated the handshake")))
        .isNull();
  }

  private static IOException refused(String why) {
    IOException handshake = new SSLHandshakeException("(certificate_unknown) " + why);
    handshake.initCause(new CertificateException(why));
    return handshake;
  }
}
