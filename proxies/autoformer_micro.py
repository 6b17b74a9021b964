"""Ranks autoformer-micro alone.

    tanh(nodes_max(only_attention(sine(frobenius(weight)) + rank(std(weight * weight_grad))))) - nodes_max(mean(minimum(matmul(output_grad, output_grad), matmul(output, output))))

Made by: python -m autoprox.evolve --spaces autoformer-micro
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{
 "digest": "87eae5ffa1b59556e995f19e91d02918",
 "format": "autoprox.proxy",
 "format_version": 1,
 "formula": "tanh(nodes_max(only_attention(sine(frobenius(weight)) + rank(std(weight * weight_grad))))) - nodes_max(mean(minimum(matmul(output_grad, output_grad), matmul(output, output))))",
 "graph": "sub(tanh(nodes_max(only_attention(add(sine(frobenius(weight)), rank(std(mul(weight, weight_grad))))))), nodes_max(mean(minimum(matmul(output_grad, output_grad), matmul(output, output)))))",
 "graph_digest": "f478dbbf2611e52ae268690467aacb5d",
 "name": "autoformer_micro",
 "provenance": {
  "aggregate": "mean",
  "bank": {
   "digest": "9150e53ee11e7176eb2fb651f0d7b517",
   "leaves": 279
  },
  "batches": {
   "autoformer-micro/digits": "21d126d3c34805ee687a95487e7a1879",
   "autoformer-micro/mnist5k": "a0d8baee330f427dc621fdb9756a0499"
  },
  "ending": "budget",
  "evaluated": 20000,
  "init_seeds": 1,
  "rejected": {
   "constant": 1148,
   "duplicate": 67,
   "kinds": 1,
   "undefined": 182
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
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 0.9999696753689798,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 0.9990163193480226,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 0.9999635173401625,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 0.9990173765619054,
    "space": "autoformer-micro"
   }
  ],
  "init_agreement": 0.39285714285714285,
  "margin": {
   "ci95": [
    -0.15701279036946783,
    0.49135899661853893
   ],
   "joint": 0.11389088155936089,
   "rival": "mean_width"
  },
  "splits": {
   "fit": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.459362956639031,
        0.11278829360681712
       ],
       "dataset": "digits",
       "kendall": -0.18195633571851272,
       "kendall_given_params": -0.15530118425494277,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.3177579317400311
      },
      {
       "ci95": [
        -0.36580212549213514,
        0.29312083828394464
       ],
       "dataset": "mnist5k",
       "kendall": -0.04350458540743126,
       "kendall_given_params": 0.02592715695404598,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.11144573666760711
      }
     ],
     "ci95": [
      -0.37668284284614073,
      0.16507572997929387
     ],
     "joint": -0.11273046056297199
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.19980858155070516,
        0.8533093053735255
       ],
       "dataset": "digits",
       "kendall": 0.5882560647712125,
       "kendall_given_params": 0.3781018213063752,
       "kendall_iso": 0.29649972666444047,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7231230228151238
      },
      {
       "ci95": [
        0.17846494102228047,
        0.8230499735990252
       ],
       "dataset": "mnist5k",
       "kendall": 0.5654058769819077,
       "kendall_given_params": 0.3868997309455098,
       "kendall_iso": 0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.709653840441396
      }
     ],
     "ci95": [
      0.2150950697189138,
      0.8106027782392253
     ],
     "joint": 0.5768309708765601
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.18221006086524322,
        0.8790713020798554
       ],
       "dataset": "digits",
       "kendall": 0.5842373946721772,
       "kendall_given_params": 0.3926878873856808,
       "kendall_iso": -0.20619652471058064,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7006218331113981
      },
      {
       "ci95": [
        -0.06601520442362452,
        0.8036635245447877
       ],
       "dataset": "mnist5k",
       "kendall": 0.4125143236626951,
       "kendall_given_params": 0.1558467191876756,
       "kendall_iso": -0.4536323543632774,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5334085355299109
      }
     ],
     "ci95": [
      0.06722985166176797,
      0.8401335440807024
     ],
     "joint": 0.4983758591674361
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.06319955227990229,
        0.816160755234506
       ],
       "dataset": "digits",
       "kendall": 0.5042194840896107,
       "kendall_given_params": null,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6259211500945572
      },
      {
       "ci95": [
        0.0,
        0.765781336886433
       ],
       "dataset": "mnist5k",
       "kendall": 0.4472613653737479,
       "kendall_given_params": null,
       "kendall_iso": -0.4447495899966607,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5755344230371031
      }
     ],
     "ci95": [
      0.04583100865064682,
      0.7733821265716635
     ],
     "joint": 0.4757404247316793
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.4443693693693693,
        0.9090909090909091
       ],
       "dataset": "digits",
       "kendall": 0.7166666666666667,
       "kendall_given_params": 0.6014970578885674,
       "kendall_iso": 0.5,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8705882352941177
      },
      {
       "ci95": [
        0.6070543758043757,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.8619322310183947,
       "kendall_given_params": 0.8254845691224104,
       "kendall_iso": 0.7857142857142857,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.9448126178169427
      }
     ],
     "ci95": [
      0.6160714285714286,
      0.9115684350573053
     ],
     "joint": 0.7892994488425307
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        -0.018649937858669877,
        0.7201818525416773
       ],
       "dataset": "digits",
       "kendall": 0.40009056945661187,
       "kendall_given_params": 0.2036434340992257,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5243773789347596
      },
      {
       "ci95": [
        0.10734652290173984,
        0.7675936050026881
       ],
       "dataset": "mnist5k",
       "kendall": 0.49579893858757607,
       "kendall_given_params": 0.37305583122135916,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.665193012238573
      }
     ],
     "ci95": [
      0.07129205405367857,
      0.7155020309216727
     ],
     "joint": 0.447944754022094
    }
   },
   "sealed": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.6266374584710832,
        0.11940229002627023
       ],
       "dataset": "digits",
       "kendall": -0.26860220987018546,
       "kendall_given_params": -0.23729776384117454,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.36499962604988395
      },
      {
       "ci95": [
        -0.5650985197539357,
        0.26519251847226477
       ],
       "dataset": "mnist5k",
       "kendall": -0.18195633571851272,
       "kendall_given_params": -0.057603468538581996,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.2611379438405674
      }
     ],
     "ci95": [
      -0.5536535963722095,
      0.16699172857931108
     ],
     "joint": -0.2252792727943491
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.09255050505050505,
        0.7501096491228069
       ],
       "dataset": "digits",
       "kendall": 0.45,
       "kendall_given_params": 0.16796775328675626,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.611764705882353
      },
      {
       "ci95": [
        0.17423340771964627,
        0.8096560846560845
       ],
       "dataset": "mnist5k",
       "kendall": 0.5333333333333333,
       "kendall_given_params": 0.1783803488957807,
       "kendall_iso": -0.21428571428571427,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6794117647058824
      }
     ],
     "ci95": [
      0.17384449667058363,
      0.7143831168831168
     ],
     "joint": 0.4916666666666667
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.13053265981523834,
        0.8396901821723006
       ],
       "dataset": "digits",
       "kendall": 0.5423261445466404,
       "kendall_given_params": 0.34526704842277683,
       "kendall_iso": 0.19702760155977517,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6798722264836911
      },
      {
       "ci95": [
        0.1984972187965163,
        0.8654432606867507
       ],
       "dataset": "mnist5k",
       "kendall": 0.5965587590013045,
       "kendall_given_params": 0.22388683141982255,
       "kendall_iso": 0.11821656093586509,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7340213418673479
      }
     ],
     "ci95": [
      0.1965709724261463,
      0.8372653543544688
     ],
     "joint": 0.5694424517739725
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.08108108108108109,
        0.7657657657657657
       ],
       "dataset": "digits",
       "kendall": 0.45,
       "kendall_given_params": null,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6088235294117647
      },
      {
       "ci95": [
        0.23214285714285715,
        0.8598560079443891
       ],
       "dataset": "mnist5k",
       "kendall": 0.5833333333333334,
       "kendall_given_params": null,
       "kendall_iso": 0.0,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.75
      }
     ],
     "ci95": [
      0.19815395752895754,
      0.7545948616600789
     ],
     "joint": 0.5166666666666667
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.4127907929226737,
        0.8938285980437819
       ],
       "dataset": "digits",
       "kendall": 0.6833333333333333,
       "kendall_given_params": 0.5763790366794208,
       "kendall_iso": 0.7857142857142857,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8588235294117647
      },
      {
       "ci95": [
        0.38039269911504425,
        0.8421052631578947
       ],
       "dataset": "mnist5k",
       "kendall": 0.6833333333333333,
       "kendall_given_params": 0.49936978151815214,
       "kendall_iso": 0.5714285714285714,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8705882352941177
      }
     ],
     "ci95": [
      0.42727272727272725,
      0.8364004914004914
     ],
     "joint": 0.6833333333333333
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.018857990066251645,
        0.6328653650851845
       ],
       "dataset": "digits",
       "kendall": 0.35909242322980395,
       "kendall_given_params": 0.16729988681162686,
       "kendall_iso": 0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.48928962311230056
      },
      {
       "ci95": [
        0.08661299062974392,
        0.7732077355846687
       ],
       "dataset": "mnist5k",
       "kendall": 0.46169025843831935,
       "kendall_given_params": 0.2781214521043058,
       "kendall_iso": -0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.611981582986382
      }
     ],
     "ci95": [
      0.07294944194608388,
      0.6773379337423657
     ],
     "joint": 0.41039134083406165
    }
   },
   "select": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.9574271077563381,
        0.7089490077940542
       ],
       "dataset": "digits",
       "kendall": -0.23145502494313785,
       "kendall_given_params": -0.3307189138830738,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": -0.2946171696841418
      },
      {
       "ci95": [
        -0.7278949641008391,
        0.5533911741475217
       ],
       "dataset": "mnist5k",
       "kendall": -0.1543033499620919,
       "kendall_given_params": -0.18802535827258873,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": -0.24551430807011815
      }
     ],
     "ci95": [
      -0.7960979398444399,
      0.5714285714285714
     ],
     "joint": -0.1928791874526149
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.13043478260869565,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.6428571428571429,
       "kendall_given_params": -0.0785674201318387,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7857142857142857
      },
      {
       "ci95": [
        -0.09090909090909091,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.6428571428571429,
       "kendall_given_params": 0.36851386559504445,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7380952380952381
      }
     ],
     "ci95": [
      0.08333333333333333,
      1.0
     ],
     "joint": 0.6428571428571429
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.3240578257865178,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7835467939002064,
       "kendall_given_params": 0.5148314238732347,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.8556058190999849
      },
      {
       "ci95": [
        0.14622329292058714,
        0.9789450103725609
       ],
       "dataset": "mnist5k",
       "kendall": 0.7010681840159741,
       "kendall_given_params": 0.49681941263184826,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.8045248746761052
      }
     ],
     "ci95": [
      0.4123616322442208,
      0.9591663046625439
     ],
     "joint": 0.7423074889580903
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.21739130434782608,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.7142857142857143,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.8571428571428571
      },
      {
       "ci95": [
        -0.16666666666666666,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5714285714285714,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.6904761904761905
      }
     ],
     "ci95": [
      0.08333333333333333,
      1.0
     ],
     "joint": 0.6428571428571428
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.4782608695652174,
        1.0
       ],
       "dataset": "digits",
       "kendall": 0.8571428571428571,
       "kendall_given_params": 0.6793662204867572,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.9523809523809523
      },
      {
       "ci95": [
        0.47701863354037277,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.8571428571428571,
       "kendall_given_params": 0.7878787878787876,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.9285714285714286
      }
     ],
     "ci95": [
      0.5652173913043479,
      1.0
     ],
     "joint": 0.8571428571428571
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        -0.4129483209670112,
        0.9128709291752769
       ],
       "dataset": "digits",
       "kendall": 0.3086066999241838,
       "kendall_given_params": -0.2401922307076307,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.36827146210517725
      },
      {
       "ci95": [
        -0.3336637910010459,
        0.9047619047619048
       ],
       "dataset": "mnist5k",
       "kendall": 0.38575837490522974,
       "kendall_given_params": 0.051209155649918875,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.527855762350754
      }
     ],
     "ci95": [
      -0.26089436279403627,
      0.8572074595548131
     ],
     "joint": 0.3471825374147068
    }
   }
  }
 },
 "sign": 1,
 "statistics": [
  "output",
  "output_grad",
  "weight",
  "weight_grad"
 ]
}
"""
    ),
    __name__,
)
score = proxy.score
score_many = proxy.score_many
