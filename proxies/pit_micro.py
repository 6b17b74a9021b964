"""Ranks pit-micro alone.

    sqrt(nodes_norm(only_body(-mean_log(reciprocal(matmul(activation_grad, activation)))))) + (nodes_sum(max(tanh(matmul(norm_output_grad, norm_output)))) + log(nodes_mean(sine(l1(weight)) + logabs(mean_abs(output * output_grad)))))

Made by: python -m autoprox.evolve --spaces pit-micro
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{
 "digest": "e3c7475e8fcd441cbb3487ebb1c651a7",
 "format": "autoprox.proxy",
 "format_version": 1,
 "formula": "sqrt(nodes_norm(only_body(-mean_log(reciprocal(matmul(activation_grad, activation)))))) + (nodes_sum(max(tanh(matmul(norm_output_grad, norm_output)))) + log(nodes_mean(sine(l1(weight)) + logabs(mean_abs(output * output_grad)))))",
 "graph": "add(sqrt(nodes_norm(only_body(neg(mean_log(reciprocal(matmul(activation_grad, activation))))))), add(nodes_sum(max(tanh(matmul(norm_output_grad, norm_output)))), log(nodes_mean(add(sine(l1(weight)), logabs(mean_abs(mul(output, output_grad))))))))",
 "graph_digest": "53f97156550ad5ca7a0602180a2810e9",
 "name": "pit_micro",
 "provenance": {
  "aggregate": "mean",
  "bank": {
   "digest": "c9b96cdb77910faf2257aedab9b733b0",
   "leaves": 279
  },
  "batches": {
   "pit-micro/digits": "21d126d3c34805ee687a95487e7a1879",
   "pit-micro/mnist5k": "a0d8baee330f427dc621fdb9756a0499"
  },
  "ending": "budget",
  "evaluated": 20000,
  "init_seeds": 1,
  "rejected": {
   "constant": 1078,
   "duplicate": 42,
   "kinds": 1,
   "undefined": 337
  },
  "seed": 0,
  "settings": {
   "margin": 0.001,
   "parents": 64,
   "population": 128,
   "retries": 16,
   "sample_ratio": 0.25,
   "top_k": 8
  },
  "stop": {
   "budget": 20000,
   "seconds": null
  },
  "table": "vitbench101",
  "table_digest": "8780c75c0440fbc3e604fe04c9eca42b"
 },
 "results": {
  "golden": [
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 8.311130606825957,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 7.161443565027374,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":12,\"depth\":[1,2,1],\"mlp_ratio\":2,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 8.324180750186304,
    "space": "pit-micro"
   },
   {
    "arch_json": "{\"base_dim\":4,\"depth\":[3,3,2],\"mlp_ratio\":4,\"num_heads\":[2,2,4]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 7.166761979741349,
    "space": "pit-micro"
   }
  ],
  "init_agreement": 0.9285714285714286,
  "margin": {
   "ci95": [
    -0.0747337490864696,
    0.3427103999776259
   ],
   "joint": 0.13995805977494735,
   "rival": "sum_dim_depth"
  },
  "splits": {
   "fit": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.5011892141892794,
        0.3400001532611875
       ],
       "dataset": "digits",
       "kendall": -0.10026551656425872,
       "kendall_given_params": -0.14155712901056905,
       "kendall_iso": -0.5491251783869153,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.1031855886916259
      },
      {
       "ci95": [
        -0.27588192240453785,
        0.5034720573897085
       ],
       "dataset": "mnist5k",
       "kendall": 0.09984334409311829,
       "kendall_given_params": 0.12346308877860353,
       "kendall_iso": 0.2645751311064591,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.10009907859360871
      }
     ],
     "ci95": [
      -0.3535956585746216,
      0.40159134259470725
     ],
     "joint": -0.00021108623557021533
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.33921579143119807,
        0.9285872313527181
       ],
       "dataset": "digits",
       "kendall": 0.6890999615891347,
       "kendall_given_params": 0.44153779399622417,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8365252076557848
      },
      {
       "ci95": [
        0.22088814478195012,
        0.8761172479245517
       ],
       "dataset": "mnist5k",
       "kendall": 0.5941474602165634,
       "kendall_given_params": 0.30916391981806207,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7579104332955225
      }
     ],
     "ci95": [
      0.3170996011275105,
      0.8943084908416021
     ],
     "joint": 0.6416237109028491
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.5819119691590348,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.8376374334404133,
       "kendall_given_params": 0.6594433751634117,
       "kendall_iso": 0.560448538317805,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9179623452280803
      },
      {
       "ci95": [
        0.16274724579118385,
        0.9238125428069273
       ],
       "dataset": "mnist5k",
       "kendall": 0.6043045628127736,
       "kendall_given_params": 0.2652493611359508,
       "kendall_iso": -0.38575837490522974,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7592352185302482
      }
     ],
     "ci95": [
      0.37833099848689666,
      0.946918352909412
     ],
     "joint": 0.7209709981265935
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.3660262825086772,
        0.9475690911607494
       ],
       "dataset": "digits",
       "kendall": 0.705907277725455,
       "kendall_given_params": null,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8335796963612221
      },
      {
       "ci95": [
        0.24101809418457648,
        0.8614992355593705
       ],
       "dataset": "mnist5k",
       "kendall": 0.5882352941176471,
       "kendall_given_params": null,
       "kendall_iso": -0.47280542884465016,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7776141384388807
      }
     ],
     "ci95": [
      0.3362057283465618,
      0.8923114205031639
     ],
     "joint": 0.647071285921551
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.6427767052767053,
        0.9954462060747419
       ],
       "dataset": "digits",
       "kendall": 0.8571731229523383,
       "kendall_given_params": 0.7177070005460101,
       "kendall_iso": 0.5188745216627708,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9499273924964456
      },
      {
       "ci95": [
        0.6963601994851994,
        0.9732017095314306
       ],
       "dataset": "mnist5k",
       "kendall": 0.8451956828432803,
       "kendall_given_params": 0.7509237918825123,
       "kendall_iso": 0.5714285714285714,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.9580576545153111
      }
     ],
     "ci95": [
      0.6987108214597924,
      0.9605710564766291
     ],
     "joint": 0.8511844028978093
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.16567019849406628,
        0.853072302683118
       ],
       "dataset": "digits",
       "kendall": 0.5403522368436128,
       "kendall_given_params": 0.08789169790325146,
       "kendall_iso": -0.45993310550389993,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.6827112335382208
      },
      {
       "ci95": [
        0.28730219143618874,
        0.8995005145011424
       ],
       "dataset": "mnist5k",
       "kendall": 0.6262864134295397,
       "kendall_given_params": 0.3596008293012773,
       "kendall_iso": -0.08058229640253803,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7570118587932274
      }
     ],
     "ci95": [
      0.23720405780867557,
      0.8680801374886138
     ],
     "joint": 0.5833193251365762
    }
   },
   "sealed": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.6548829753749074,
        0.15326303158003407
       ],
       "dataset": "digits",
       "kendall": -0.30794777052015604,
       "kendall_given_params": -0.31042300748679014,
       "kendall_iso": -0.07844645405527362,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.40526902843623774
      },
      {
       "ci95": [
        -0.5822371188657802,
        0.19486434889320559
       ],
       "dataset": "mnist5k",
       "kendall": -0.2305312431928703,
       "kendall_given_params": -0.16870327146932584,
       "kendall_iso": -0.03779644730092272,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": -0.33287289946979165
      }
     ],
     "ci95": [
      -0.570460136091255,
      0.1333520935426469
     ],
     "joint": -0.26923950685651316
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.1283018947003507,
        0.7605027269468929
       ],
       "dataset": "digits",
       "kendall": 0.46819109191731173,
       "kendall_given_params": 0.15211102569000576,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.6022181221672648
      },
      {
       "ci95": [
        0.4690265486725664,
        0.9099099099099099
       ],
       "dataset": "mnist5k",
       "kendall": 0.7333333333333333,
       "kendall_given_params": 0.48238191061886604,
       "kendall_iso": 0.21428571428571427,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8970588235294118
      }
     ],
     "ci95": [
      0.366747070329751,
      0.7925423796185642
     ],
     "joint": 0.6007622126253225
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.24757613853585575,
        0.8572650260506494
       ],
       "dataset": "digits",
       "kendall": 0.5776076701249234,
       "kendall_given_params": 0.33871731961307266,
       "kendall_iso": -0.03774256780481986,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7536990495118582
      },
      {
       "ci95": [
        0.4313680518078791,
        0.9414415596423807
       ],
       "dataset": "mnist5k",
       "kendall": 0.7342360411356583,
       "kendall_given_params": 0.5313266197186062,
       "kendall_iso": 0.2545875386086578,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8739888712392936
      }
     ],
     "ci95": [
      0.3843563890268012,
      0.8694968434143182
     ],
     "joint": 0.6559218556302908
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.3165486422836509,
        0.8829775059245422
       ],
       "dataset": "digits",
       "kendall": 0.6214172674538865,
       "kendall_given_params": null,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7690089256106494
      },
      {
       "ci95": [
        0.3090909090909091,
        0.9057040531097135
       ],
       "dataset": "mnist5k",
       "kendall": 0.6666666666666666,
       "kendall_given_params": null,
       "kendall_iso": 0.35714285714285715,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8176470588235294
      }
     ],
     "ci95": [
      0.341830252602346,
      0.8740084985927612
     ],
     "joint": 0.6440419670602766
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.13824538285882945,
        0.8785507196407963
       ],
       "dataset": "digits",
       "kendall": 0.5362916143780116,
       "kendall_given_params": 0.15128794852758976,
       "kendall_iso": 0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.65092694087197
      },
      {
       "ci95": [
        0.3759773535002893,
        0.875
       ],
       "dataset": "mnist5k",
       "kendall": 0.6666666666666666,
       "kendall_given_params": 0.3508232077228117,
       "kendall_iso": 0.14285714285714285,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.8323529411764706
      }
     ],
     "ci95": [
      0.3118522150209207,
      0.8485672921663686
     ],
     "joint": 0.6014791405223392
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        -0.05688759914763921,
        0.6913927098044069
       ],
       "dataset": "digits",
       "kendall": 0.3636397710076151,
       "kendall_given_params": 0.04034003780730152,
       "kendall_iso": -0.2692307692307692,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.49037037037037035
      },
      {
       "ci95": [
        0.2230794944054644,
        0.8108503011566983
       ],
       "dataset": "mnist5k",
       "kendall": 0.5594023904871686,
       "kendall_given_params": 0.2583761632934465,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "pit-micro",
       "spearman": 0.7291562557613451
      }
     ],
     "ci95": [
      0.09298916336021702,
      0.7242977874830806
     ],
     "joint": 0.46152108074739184
    }
   },
   "select": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.391304347826087,
        0.8260869565217391
       ],
       "dataset": "digits",
       "kendall": 0.29649972666444047,
       "kendall_given_params": 0.19635227746952644,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.4217173561228949
      },
      {
       "ci95": [
        0.08333333333333333,
        0.9325775467016431
       ],
       "dataset": "mnist5k",
       "kendall": 0.5188745216627708,
       "kendall_given_params": 0.5192907868894986,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6747477697966319
      }
     ],
     "ci95": [
      -0.12510864843424485,
      0.8179407683018686
     ],
     "joint": 0.40768712416360564
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.4166666666666667,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7857142857142857,
       "kendall_given_params": 0.7496587917803453,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9285714285714286
      },
      {
       "ci95": [
        -0.25032894736842104,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5,
       "kendall_given_params": 0.30151134457776363,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6666666666666666
      }
     ],
     "ci95": [
      0.16607142857142862,
      0.9583333333333333
     ],
     "joint": 0.6428571428571428
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        -0.0010869565217390686,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.5803810000880093,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.7857142857142857
      },
      {
       "ci95": [
        -0.5,
        0.84
       ],
       "dataset": "mnist5k",
       "kendall": 0.2857142857142857,
       "kendall_given_params": 0.047619047619047596,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.4523809523809524
      }
     ],
     "ci95": [
      -0.21739130434782605,
      0.9166666666666667
     ],
     "joint": 0.4642857142857143
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        -0.391304347826087,
        0.92
       ],
       "dataset": "digits",
       "kendall": 0.42857142857142855,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6428571428571429
      },
      {
       "ci95": [
        -0.3333333333333333,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.6190476190476191
      }
     ],
     "ci95": [
      -0.3333333333333333,
      0.9524350649350648
     ],
     "joint": 0.4642857142857143
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.33260869565217394,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7857142857142857,
       "kendall_given_params": 0.7302967433402214,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9047619047619048
      },
      {
       "ci95": [
        0.6190476190476191,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.9285714285714286,
       "kendall_given_params": 0.9128709291752769,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9761904761904762
      }
     ],
     "ci95": [
      0.6187888198757764,
      1.0
     ],
     "joint": 0.8571428571428572
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.04742857142857144,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.5477225575051662,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.7857142857142857
      },
      {
       "ci95": [
        0.4782608695652174,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.8571428571428571,
       "kendall_given_params": 0.838870492807861,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "pit-micro",
       "spearman": 0.9523809523809523
      }
     ],
     "ci95": [
      0.375,
      1.0
     ],
     "joint": 0.75
    }
   }
  }
 },
 "sign": 1,
 "statistics": [
  "activation",
  "activation_grad",
  "norm_output",
  "norm_output_grad",
  "output",
  "output_grad",
  "weight"
 ]
}
"""
    ),
    __name__,
)
score = proxy.score
score_many = proxy.score_many
