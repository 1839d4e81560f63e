// Names, shapes, order and first initial numbers of every model's parameters: files of weights are matched by name, and a seed
// gives the same network on every machine and with every compiler.
#include <reel/models/parameter_set.h>

#include "models/every_model.h"
#include "support.h"

using namespace reel;
using namespace reel::test;

namespace {

constexpr std::string_view kExpected = R"(== elman
m.U [2, 3] -0x1.175f96cccb9adp-1
m.W [3, 3] 0x1.dcacd6ff9d9c6p-2
m.b [3] 0x0p+0
== elman-concat
m.A [5, 3] -0x1.175f96cccb9adp-1
m.b [3] 0x0p+0
== jordan
m.U [2, 3] -0x1.175f96cccb9adp-1
m.W [2, 3] 0x1.dcacd6ff9d9c6p-2
m.b [3] 0x0p+0
m.V [3, 2] 0x1.11663b7a51ec2p-2
m.c [2] 0x0p+0
== deep jordan
m.1.U [2, 3] -0x1.175f96cccb9adp-1
m.1.W [4, 3] 0x1.dcacd6ff9d9c6p-2
m.1.b [3] 0x0p+0
m.2.U [3, 4] 0x1.d98aa370ae55cp-3
m.2.W [2, 4] 0x1.9e64267201e92p-2
m.2.b [4] 0x0p+0
m.V [4, 2] -0x1.dc6c9f57932ccp-2
m.c [2] 0x0p+0
== gru
m.U_r [2, 3] -0x1.175f96cccb9adp-1
m.W_r [3, 3] 0x1.dcacd6ff9d9c6p-2
m.b_r [3] 0x0p+0
m.U_z [2, 3] 0x1.11663b7a51ec2p-2
m.W_z [3, 3] 0x1.de7f6ce1f831ap-2
m.b_z [3] 0x0p+0
m.U_n [2, 3] -0x1.13104ebe52981p-1
m.W_n [3, 3] 0x1.3b793f14554ccp-3
m.b_n [3] 0x0p+0
== gru-reset-after
m.U_r [2, 3] -0x1.175f96cccb9adp-1
m.W_r [3, 3] 0x1.dcacd6ff9d9c6p-2
m.b_r [3] 0x0p+0
m.U_z [2, 3] 0x1.11663b7a51ec2p-2
m.W_z [3, 3] 0x1.de7f6ce1f831ap-2
m.b_z [3] 0x0p+0
m.U_n [2, 3] -0x1.13104ebe52981p-1
m.W_n [3, 3] 0x1.3b793f14554ccp-3
m.b_n [3] 0x0p+0
m.c_n [3] 0x0p+0
== lstm
m.U_i [2, 3] -0x1.175f96cccb9adp-1
m.W_i [3, 3] 0x1.dcacd6ff9d9c6p-2
m.b_i [3] 0x0p+0
m.U_f [2, 3] 0x1.11663b7a51ec2p-2
m.W_f [3, 3] 0x1.de7f6ce1f831ap-2
m.b_f [3] 0x0p+0
m.U_o [2, 3] -0x1.13104ebe52981p-1
m.W_o [3, 3] 0x1.3b793f14554ccp-3
m.b_o [3] 0x0p+0
m.U_g [2, 3] 0x1.fd529793c3d76p-2
m.W_g [3, 3] 0x1.1f298460b5d48p-4
m.b_g [3] 0x0p+0
== first-lstm
m.U_i [2, 3] -0x1.175f96cccb9adp-1
m.W_i [3, 3] 0x1.dcacd6ff9d9c6p-2
m.b_i [3] 0x0p+0
m.U_f [2, 3] 0x1.11663b7a51ec2p-2
m.W_f [3, 3] 0x1.de7f6ce1f831ap-2
m.b_f [3] 0x0p+0
m.U_o [2, 3] -0x1.13104ebe52981p-1
m.W_o [3, 3] 0x1.3b793f14554ccp-3
m.b_o [3] 0x0p+0
m.U_n [2, 3] 0x1.fd529793c3d76p-2
m.W_n [3, 3] 0x1.1f298460b5d48p-4
m.b_n [3] 0x0p+0
== peephole-lstm
m.U_i [2, 3] -0x1.175f96cccb9adp-1
m.W_i [3, 3] 0x1.dcacd6ff9d9c6p-2
m.b_i [3] 0x0p+0
m.U_f [2, 3] 0x1.11663b7a51ec2p-2
m.W_f [3, 3] 0x1.de7f6ce1f831ap-2
m.b_f [3] 0x0p+0
m.U_o [2, 3] -0x1.13104ebe52981p-1
m.W_o [3, 3] 0x1.3b793f14554ccp-3
m.b_o [3] 0x0p+0
m.U_g [2, 3] 0x1.fd529793c3d76p-2
m.W_g [3, 3] 0x1.1f298460b5d48p-4
m.b_g [3] 0x0p+0
m.p_i [3] 0x1.d5025921f8278p-4
m.p_f [3] 0x1.63007e21a35d8p-3
m.p_o [3] -0x1.d3144f1d5ea78p-3
== deep lstm with dropout
m.0.U_i [2, 3] -0x1.175f96cccb9adp-1
m.0.W_i [3, 3] 0x1.dcacd6ff9d9c6p-2
m.0.b_i [3] 0x0p+0
m.0.U_f [2, 3] 0x1.11663b7a51ec2p-2
m.0.W_f [3, 3] 0x1.de7f6ce1f831ap-2
m.0.b_f [3] 0x0p+0
m.0.U_o [2, 3] -0x1.13104ebe52981p-1
m.0.W_o [3, 3] 0x1.3b793f14554ccp-3
m.0.b_o [3] 0x0p+0
m.0.U_g [2, 3] 0x1.fd529793c3d76p-2
m.0.W_g [3, 3] 0x1.1f298460b5d48p-4
m.0.b_g [3] 0x0p+0
m.1.U_r [3, 2] 0x1.1f3552739f7f8p-3
m.1.W_r [2, 2] 0x1.b2c96ad71c278p-3
m.1.b_r [2] 0x0p+0
m.1.U_z [3, 2] 0x1.7e99c808ad234p-2
m.1.W_z [2, 2] 0x1.02125b4bbe858p-4
m.1.b_z [2] 0x0p+0
m.1.U_n [3, 2] 0x1.16b17a1940f36p-2
m.1.W_n [2, 2] 0x1.16bcd88b1f928p-2
m.1.b_n [2] 0x0p+0
== bidirectional
m.forward.U_i [2, 3] -0x1.175f96cccb9adp-1
m.forward.W_i [3, 3] 0x1.dcacd6ff9d9c6p-2
m.forward.b_i [3] 0x0p+0
m.forward.U_f [2, 3] 0x1.11663b7a51ec2p-2
m.forward.W_f [3, 3] 0x1.de7f6ce1f831ap-2
m.forward.b_f [3] 0x0p+0
m.forward.U_o [2, 3] -0x1.13104ebe52981p-1
m.forward.W_o [3, 3] 0x1.3b793f14554ccp-3
m.forward.b_o [3] 0x0p+0
m.forward.U_g [2, 3] 0x1.fd529793c3d76p-2
m.forward.W_g [3, 3] 0x1.1f298460b5d48p-4
m.forward.b_g [3] 0x0p+0
m.backward.U_i [2, 3] 0x1.d5025921f8278p-4
m.backward.W_i [3, 3] 0x1.63007e21a35d8p-3
m.backward.b_i [3] 0x0p+0
m.backward.U_f [2, 3] 0x1.386465470693ep-2
m.backward.W_f [3, 3] 0x1.a56de899c85bp-5
m.backward.b_f [3] 0x0p+0
m.backward.U_o [2, 3] 0x1.c71aad0d5cb64p-3
m.backward.W_o [3, 3] 0x1.c72d3dc9e575p-3
m.backward.b_o [3] 0x0p+0
m.backward.U_g [2, 3] -0x1.49b10412c6e14p-4
m.backward.W_g [3, 3] -0x1.d98e63979d706p-2
m.backward.b_g [3] 0x0p+0
== hierarchical
m.lower.U_r [2, 3] -0x1.175f96cccb9adp-1
m.lower.W_r [3, 3] 0x1.dcacd6ff9d9c6p-2
m.lower.b_r [3] 0x0p+0
m.lower.U_z [2, 3] 0x1.11663b7a51ec2p-2
m.lower.W_z [3, 3] 0x1.de7f6ce1f831ap-2
m.lower.b_z [3] 0x0p+0
m.lower.U_n [2, 3] -0x1.13104ebe52981p-1
m.lower.W_n [3, 3] 0x1.3b793f14554ccp-3
m.lower.b_n [3] 0x0p+0
m.upper.U [3, 2] 0x1.37e527ad1fb7ep-1
m.upper.W [2, 2] 0x1.5fb34d947d468p-4
m.upper.b [2] 0x0p+0
== encoder-decoder
m.source [4, 2] 0x1.8a8e6b2f43305p-7
m.forward.U_i [2, 3] 0x1.dcacd6ff9d9c6p-2
m.forward.W_i [3, 3] 0x1.6d6acc76e81p-5
m.forward.b_i [3] 0x0p+0
m.forward.U_f [2, 3] 0x1.de7f6ce1f831ap-2
m.forward.W_f [3, 3] -0x1.81928ba1e7f82p-3
m.forward.b_f [3] 0x0p+0
m.forward.U_o [2, 3] 0x1.3b793f14554ccp-3
m.forward.W_o [3, 3] -0x1.1bb2eb559658p-1
m.forward.b_o [3] 0x0p+0
m.forward.U_g [2, 3] 0x1.1f298460b5d48p-4
m.forward.W_g [3, 3] -0x1.873473e79107cp-2
m.forward.b_g [3] 0x0p+0
m.backward.U_i [2, 3] 0x1.63007e21a35d8p-3
m.backward.W_i [3, 3] -0x1.d3144f1d5ea78p-3
m.backward.b_i [3] 0x0p+0
m.backward.U_f [2, 3] 0x1.a56de899c85bp-5
m.backward.W_f [3, 3] -0x1.cb8a0e0cd6b0ep-2
m.backward.b_f [3] 0x0p+0
m.backward.U_o [2, 3] 0x1.c72d3dc9e575p-3
m.backward.W_o [3, 3] 0x1.1f2b34fc8b262p-2
m.backward.b_o [3] 0x0p+0
m.backward.U_g [2, 3] -0x1.d98e63979d706p-2
m.backward.W_g [3, 3] -0x1.94ad16eb08bcp-5
m.backward.b_g [3] 0x0p+0
m.target [5, 2] 0x1.3b22be81b9ddp-9
m.decoder.U_i [2, 3] -0x1.0a50d34b2daafp-2
m.decoder.W_i [3, 3] 0x1.2312fd4e6250ep-2
m.decoder.b_i [3] 0x0p+0
m.decoder.U_f [2, 3] -0x1.819194ef8662p-2
m.decoder.W_f [3, 3] -0x1.283a31d4f9bcap-3
m.decoder.b_f [3] 0x0p+0
m.decoder.U_o [2, 3] -0x1.7fc6d7c1c9484p-3
m.decoder.W_o [3, 3] -0x1.de783fd19baa8p-3
m.decoder.b_o [3] 0x0p+0
m.decoder.U_g [2, 3] -0x1.26de530d78d48p-4
m.decoder.W_g [3, 3] 0x1.e6dae5337d92ep-2
m.decoder.b_g [3] 0x0p+0
m.head.W [3, 5] -0x1.407f9d01ec62cp-1
m.head.b [5] 0x0p+0
m.bridge.h.W [6, 3] -0x1.1347d494c88a2p-1
m.bridge.h.b [3] 0x0p+0
m.bridge.c.W [6, 3] -0x1.1c59b71d637a6p-1
m.bridge.c.b [3] 0x0p+0
== captioner
eye.0.W [9, 2] 0x1.35fe23283483fp-6
eye.0.b [2] 0x0p+0
eye.features.W [8, 3] 0x1.1bef56dd43cdbp-1
eye.features.b [3] 0x0p+0
m.words [4, 2] -0x1.4d05c10c37fa4p-1
m.decoder.U [5, 3] -0x1.81928ba1e7f82p-3
m.decoder.W [3, 3] -0x1.13104ebe52981p-1
m.decoder.b [3] 0x0p+0
m.head.W [3, 4] -0x1.c6ee29f20f58p-1
m.head.b [4] 0x0p+0
== mlp with layer_norm
m.0.W [3, 4] -0x1.bffe7c33aa3fp-1
m.0.b [4] 0x0p+0
m.1.W [4, 2] 0x1.3c75e7739a36p-4
m.1.b [2] 0x0p+0
== hopfield
m.W [2, 2] 0x0p+0
m.b [2] 0x0p+0
== classifier elman
m.cell.U [2, 2] -0x1.56293ff9fc954p-1
m.cell.W [2, 2] 0x1.23e7190e71d5p-1
m.cell.b [2] 0x0p+0
m.head.W [2, 3] 0x1.035e907f578b2p-1
m.head.b [3] 0x0p+0
== classifier bidirectional
m.forward.U_i [2, 2] -0x1.56293ff9fc954p-1
m.forward.W_i [2, 2] 0x1.23e7190e71d5p-1
m.forward.b_i [2] 0x0p+0
m.forward.U_f [2, 2] 0x1.4ed82d97f6fbp-2
m.forward.W_f [2, 2] 0x1.2504d26c680b2p-1
m.forward.b_f [2] 0x0p+0
m.forward.U_o [2, 2] -0x1.50e202f73e545p-1
m.forward.W_o [2, 2] 0x1.825fec1e81db4p-3
m.forward.b_o [2] 0x0p+0
m.forward.U_g [2, 2] 0x1.37e527ad1fb7ep-1
m.forward.W_g [2, 2] 0x1.5fb34d947d468p-4
m.forward.b_g [2] 0x0p+0
m.backward.U_i [2, 2] 0x1.1f3552739f7f8p-3
m.backward.W_i [2, 2] 0x1.b2c96ad71c278p-3
m.backward.b_i [2] 0x0p+0
m.backward.U_f [2, 2] 0x1.7e99c808ad234p-2
m.backward.W_f [2, 2] 0x1.02125b4bbe858p-4
m.backward.b_f [2] 0x0p+0
m.backward.U_o [2, 2] 0x1.16b17a1940f36p-2
m.backward.W_o [2, 2] 0x1.16bcd88b1f928p-2
m.backward.b_o [2] 0x0p+0
m.backward.U_g [2, 2] -0x1.93c9b61cdc18p-4
m.backward.W_g [2, 2] -0x1.21fe260b6fb0ap-1
m.backward.b_g [2] 0x0p+0
m.head.W [4, 3] -0x1.65148d6fc32fp-3
m.head.b [3] 0x0p+0
== classifier hierarchical
m.lower.U_i [2, 2] -0x1.56293ff9fc954p-1
m.lower.W_i [2, 2] 0x1.23e7190e71d5p-1
m.lower.b_i [2] 0x0p+0
m.lower.U_f [2, 2] 0x1.4ed82d97f6fbp-2
m.lower.W_f [2, 2] 0x1.2504d26c680b2p-1
m.lower.b_f [2] 0x0p+0
m.lower.U_o [2, 2] -0x1.50e202f73e545p-1
m.lower.W_o [2, 2] 0x1.825fec1e81db4p-3
m.lower.b_o [2] 0x0p+0
m.lower.U_g [2, 2] 0x1.37e527ad1fb7ep-1
m.lower.W_g [2, 2] 0x1.5fb34d947d468p-4
m.lower.b_g [2] 0x0p+0
m.upper.U_i [2, 2] 0x1.1f3552739f7f8p-3
m.upper.W_i [2, 2] 0x1.b2c96ad71c278p-3
m.upper.b_i [2] 0x0p+0
m.upper.U_f [2, 2] 0x1.7e99c808ad234p-2
m.upper.W_f [2, 2] 0x1.02125b4bbe858p-4
m.upper.b_f [2] 0x0p+0
m.upper.U_o [2, 2] 0x1.16b17a1940f36p-2
m.upper.W_o [2, 2] 0x1.16bcd88b1f928p-2
m.upper.b_o [2] 0x0p+0
m.upper.U_g [2, 2] -0x1.93c9b61cdc18p-4
m.upper.W_g [2, 2] -0x1.21fe260b6fb0ap-1
m.upper.b_g [2] 0x0p+0
m.head.W [2, 3] -0x1.a680ca6dc60cp-3
m.head.b [3] 0x0p+0
== classifier cnn
m.cnn.2.W [4, 2] 0x1.d0fd34bc4ec5fp-6
m.cnn.2.b [2] 0x0p+0
m.cnn.3.W [6, 2] 0x1.47dc1c1e67594p-1
m.cnn.3.b [2] 0x0p+0
m.cnn.4.W [8, 2] -0x1.1584cb8a2ea5ep+0
m.cnn.4.b [2] 0x0p+0
m.head.W [6, 3] -0x1.84ffb27c3dadep-1
m.head.b [3] 0x0p+0
== classifier cnn-lstm
m.convolution.W [6, 2] 0x1.7ba978c162e22p-6
m.convolution.b [2] 0x0p+0
m.cell.U_i [2, 2] 0x1.bf8af64109dp-5
m.cell.W_i [2, 2] 0x1.4ed82d97f6fbp-2
m.cell.b_i [2] 0x0p+0
m.cell.U_f [2, 2] -0x1.d83a55d62fffcp-3
m.cell.W_f [2, 2] -0x1.50e202f73e545p-1
m.cell.b_f [2] 0x0p+0
m.cell.U_o [2, 2] -0x1.5b75726879bb7p-1
m.cell.W_o [2, 2] 0x1.37e527ad1fb7ep-1
m.cell.b_o [2] 0x0p+0
m.cell.U_g [2, 2] -0x1.df204dcb798bcp-2
m.cell.W_g [2, 2] 0x1.1f3552739f7f8p-3
m.cell.b_g [2] 0x0p+0
m.head.W [2, 3] -0x1.bb1c40a3ab1d4p-2
m.head.b [3] 0x0p+0
)";

}  // namespace

TEST_CASE("parameters: every model has the names, shapes, order and initial numbers that it had") {
  std::string all;
  for (const NamedModel& model : every_model()) {
    ParameterSet set;
    Tape tape;
    model.record(set, tape);
    const auto values = set.initial<double>(1);
    all += fmt::format("== {}\n", model.name);
    for (const Parameter& p : set.all()) all += fmt::format("{} {} {:a}\n", p.name(), p.shape().text(), values[p][0]);
  }
  CHECK(all == kExpected);
}
