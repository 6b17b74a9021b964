"""Ranks autoformer-micro alone.

    tanh(tanh(nodes_std(l1(log_softmax(matmul(activation_grad, activation)))))) + exp(minimum(sqrt(nodes_norm(fan_out)), logabs(nodes_norm(frobenius(output * output_grad)))) + nodes_min(norm_width))

Made by: python -m autoprox.evolve --spaces autoformer-micro
"""

import json

from autoprox.graph import Proxy

proxy = Proxy.from_document(
    json.loads(
        r"""
{
 "digest": "2655176899a4eb85ab6bc56e74d001eb",
 "format": "autoprox.proxy",
 "format_version": 1,
 "formula": "tanh(tanh(nodes_std(l1(log_softmax(matmul(activation_grad, activation)))))) + exp(minimum(sqrt(nodes_norm(fan_out)), logabs(nodes_norm(frobenius(output * output_grad)))) + nodes_min(norm_width))",
 "graph": "add(tanh(tanh(nodes_std(l1(log_softmax(matmul(activation_grad, activation)))))), exp(add(minimum(sqrt(nodes_norm(fan_out)), logabs(nodes_norm(frobenius(mul(output, output_grad))))), nodes_min(norm_width))))",
 "name": "autoformer_micro",
 "provenance": {
  "aggregate": "mean",
  "bank": {
   "digest": "317b6ba9890129ab5f5151153548ee3b",
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
   "constant": 1208,
   "duplicate": 82,
   "kinds": 1,
   "undefined": 290
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
  "table_digest": "d823193dadbd735ce881c3a4efb7351a"
 },
 "results": {
  "golden": [
   {
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 10686474581524.465,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "21d126d3c34805ee687a95487e7a1879",
    "dataset": "digits",
    "init_seed": 0,
    "score": 10274.03368621057,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":3,\"hidden_dim\":36,\"mlp_ratio\":[4.0,2.0,4.0],\"num_heads\":[1,3,3]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 10686474581524.467,
    "space": "autoformer-micro"
   },
   {
    "arch_json": "{\"depth\":5,\"hidden_dim\":12,\"mlp_ratio\":[3.0,3.0,0.5,3.0,0.5],\"num_heads\":[4,4,2,1,1]}",
    "batch": "a0d8baee330f427dc621fdb9756a0499",
    "dataset": "mnist5k",
    "init_seed": 0,
    "score": 18351.030380450666,
    "space": "autoformer-micro"
   }
  ],
  "init_agreement": 0.7429953764430528,
  "splits": {
   "fit": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.4589104865895032,
        0.10087264415385475
       ],
       "dataset": "digits",
       "kendall": -0.18195633571851272,
       "kendall_given_params": -0.15530118425494277,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.3222124821849848
      },
      {
       "ci95": [
        -0.36840031563398135,
        0.32290159381872796
       ],
       "dataset": "mnist5k",
       "kendall": -0.043322937075836364,
       "kendall_given_params": 0.024270192172235427,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.1291819629036575
      }
     ],
     "ci95": [
      -0.35995371345421884,
      0.18952870471874741
     ],
     "joint": -0.11263963639717454
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.19645911410592737,
        0.8584070796460177
       ],
       "dataset": "digits",
       "kendall": 0.5882560647712125,
       "kendall_given_params": 0.3781018213063752,
       "kendall_iso": 0.29649972666444047,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7260685341096864
      },
      {
       "ci95": [
        0.22850371624081703,
        0.7838351789143392
       ],
       "dataset": "mnist5k",
       "kendall": 0.5546414324985718,
       "kendall_given_params": 0.3798281117543718,
       "kendall_iso": 0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7319595566988116
      }
     ],
     "ci95": [
      0.2282333105827221,
      0.7874851185667248
     ],
     "joint": 0.5714487486348921
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.17009153391174223,
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
       "spearman": 0.7127015198891808
      },
      {
       "ci95": [
        -0.06723267202289557,
        0.7826193313131815
       ],
       "dataset": "mnist5k",
       "kendall": 0.4016632088371218,
       "kendall_given_params": 0.14926662080368383,
       "kendall_iso": -0.4536323543632774,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5269763356807714
      }
     ],
     "ci95": [
      0.04929326846085975,
      0.8221900710477873
     ],
     "joint": 0.4929503017546495
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.05478107706828445,
        0.8215068922305764
       ],
       "dataset": "digits",
       "kendall": 0.5042194840896107,
       "kendall_given_params": null,
       "kendall_iso": -0.07412493166611012,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6288666613891198
      },
      {
       "ci95": [
        0.03521923181709697,
        0.75
       ],
       "dataset": "mnist5k",
       "kendall": 0.4369902195443293,
       "kendall_given_params": null,
       "kendall_iso": -0.4447495899966607,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5817384806761179
      }
     ],
     "ci95": [
      0.06362465912585785,
      0.754473534522404
     ],
     "joint": 0.47060485181697
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.6293573022328357,
        0.9610010968389086
       ],
       "dataset": "digits",
       "kendall": 0.8257058334884102,
       "kendall_given_params": 0.764830857266778,
       "kendall_iso": 0.4536323543632774,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.9223967431819391
      },
      {
       "ci95": [
        0.4738997388357163,
        0.9005036131315178
       ],
       "dataset": "mnist5k",
       "kendall": 0.7289182663923712,
       "kendall_given_params": 0.6621417424582506,
       "kendall_iso": 0.5669467095138409,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8664265630200599
      }
     ],
     "ci95": [
      0.592960790303571,
      0.9130847414362124
     ],
     "joint": 0.7773120499403907
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        -0.018188938483810365,
        0.7233100263643314
       ],
       "dataset": "digits",
       "kendall": 0.40009056945661187,
       "kendall_given_params": 0.2036434340992257,
       "kendall_iso": 0.22237479499833035,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5288087370666026
      },
      {
       "ci95": [
        0.13621758074543053,
        0.73639787307162
       ],
       "dataset": "mnist5k",
       "kendall": 0.4852162225324867,
       "kendall_given_params": 0.36343019234480556,
       "kendall_iso": 0.3706246583305506,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6469782872490837
      }
     ],
     "ci95": [
      0.10749435680933019,
      0.6847936323328722
     ],
     "joint": 0.4426533959945493
    }
   },
   "sealed": {
    "depth": {
     "blocks": [
      {
       "ci95": [
        -0.5988674316368298,
        0.16679908166113572
       ],
       "dataset": "digits",
       "kendall": -0.2512730350398509,
       "kendall_given_params": -0.2171110411780861,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.37390205595353965
      },
      {
       "ci95": [
        -0.5480805205516737,
        0.20152892619908278
       ],
       "dataset": "mnist5k",
       "kendall": -0.19928551054884727,
       "kendall_given_params": -0.07575107733083296,
       "kendall_iso": -0.14824986333222023,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": -0.3115850466279497
      }
     ],
     "ci95": [
      -0.5398400948098967,
      0.17777731908090944
     ],
     "joint": -0.22527927279434906
    },
    "macs": {
     "blocks": [
      {
       "ci95": [
        0.1453269537480064,
        0.7321428571428571
       ],
       "dataset": "digits",
       "kendall": 0.48333333333333334,
       "kendall_given_params": 0.18403519807340724,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.638235294117647
      },
      {
       "ci95": [
        0.16052525740025742,
        0.840742897065673
       ],
       "dataset": "mnist5k",
       "kendall": 0.55,
       "kendall_given_params": 0.18898223650461377,
       "kendall_iso": -0.21428571428571427,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6764705882352942
      }
     ],
     "ci95": [
      0.2016674228675136,
      0.7641509433962264
     ],
     "joint": 0.5166666666666667
    },
    "mean_width": {
     "blocks": [
      {
       "ci95": [
        0.17096893373597177,
        0.842723717408663
       ],
       "dataset": "digits",
       "kendall": 0.5604036826981951,
       "kendall_given_params": 0.33951321023887193,
       "kendall_iso": 0.19702760155977517,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6919053632356148
      },
      {
       "ci95": [
        0.2833814700491255,
        0.8983415518941831
       ],
       "dataset": "mnist5k",
       "kendall": 0.6507913734559685,
       "kendall_given_params": 0.3273268353539885,
       "kendall_iso": 0.11821656093586509,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7701207521231191
      }
     ],
     "ci95": [
      0.2501687536364973,
      0.8408405771401547
     ],
     "joint": 0.6055975280770818
    },
    "params": {
     "blocks": [
      {
       "ci95": [
        0.14279448621553884,
        0.7798665554628856
       ],
       "dataset": "digits",
       "kendall": 0.48333333333333334,
       "kendall_given_params": null,
       "kendall_iso": -0.07142857142857142,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.6294117647058823
      },
      {
       "ci95": [
        0.25227803738317756,
        0.8776996235387358
       ],
       "dataset": "mnist5k",
       "kendall": 0.6,
       "kendall_given_params": null,
       "kendall_iso": 0.0,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.7647058823529411
      }
     ],
     "ci95": [
      0.22923132984652322,
      0.7895566619250829
     ],
     "joint": 0.5416666666666666
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.33172914417816807,
        0.844380095226022
       ],
       "dataset": "digits",
       "kendall": 0.649841093878686,
       "kendall_given_params": 0.5343213907357451,
       "kendall_iso": 0.47280542884465016,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.8577765987542477
      },
      {
       "ci95": [
        0.5714204625602027,
        0.9435646077162757
       ],
       "dataset": "mnist5k",
       "kendall": 0.7865834032652849,
       "kendall_given_params": 0.6370496624580675,
       "kendall_iso": 0.5640760748177662,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.9096545862020483
      }
     ],
     "ci95": [
      0.4756486753384952,
      0.8664549761151015
     ],
     "joint": 0.7182122485719855
    },
    "sum_dim_depth": {
     "blocks": [
      {
       "ci95": [
        0.02756582252089637,
        0.6701878259645041
       ],
       "dataset": "digits",
       "kendall": 0.37619206243122316,
       "kendall_given_params": 0.17066182799626928,
       "kendall_iso": 0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5129410852567018
      },
      {
       "ci95": [
        0.05662350013775374,
        0.7438972942261143
       ],
       "dataset": "mnist5k",
       "kendall": 0.44459061923690013,
       "kendall_given_params": 0.24817115320439415,
       "kendall_iso": -0.036369648372665396,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 16,
       "space": "autoformer-micro",
       "spearman": 0.5898083372260058
      }
     ],
     "ci95": [
      0.08056484069167173,
      0.6975741447210438
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
        -0.7508337362950159,
        0.578950334814116
       ],
       "dataset": "mnist5k",
       "kendall": -0.1543033499620919,
       "kendall_given_params": -0.1707825127659933,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": -0.22096287726310634
      }
     ],
     "ci95": [
      -0.6931670024294063,
      0.5598010271062976
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
        -0.14345238095238091,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.5,
       "kendall_given_params": 0.3042903097250923,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.5714285714285714
      }
     ],
     "ci95": [
      0.041666666666666664,
      0.9583333333333333
     ],
     "joint": 0.5714285714285714
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
        0.060327308188897734,
        0.9574271077563381
       ],
       "dataset": "mnist5k",
       "kendall": 0.6185895741317419,
       "kendall_given_params": 0.5037305761933362,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7279034580402857
      }
     ],
     "ci95": [
      0.39364036170883426,
      0.9363821838346235
     ],
     "joint": 0.7010681840159741
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
        -0.2806086956521739,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.42857142857142855,
       "kendall_given_params": null,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.5238095238095238
      }
     ],
     "ci95": [
      0.041666666666666685,
      0.9583333333333333
     ],
     "joint": 0.5714285714285714
    },
    "proxy": {
     "blocks": [
      {
       "ci95": [
        0.22677868380553634,
        0.9789450103725609
       ],
       "dataset": "digits",
       "kendall": 0.7126966450997984,
       "kendall_given_params": 0.3347193406976015,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.7910398521054725
      },
      {
       "ci95": [
        0.21739130434782608,
        1.0
       ],
       "dataset": "mnist5k",
       "kendall": 0.7637626158259733,
       "kendall_given_params": 0.702397241145143,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.8503146459584139
      }
     ],
     "ci95": [
      0.348038992353327,
      0.9795831523312719
     ],
     "joint": 0.7382296304628858
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
        -0.4099363609998925,
        0.9770084209183943
       ],
       "dataset": "mnist5k",
       "kendall": 0.38575837490522974,
       "kendall_given_params": 0.17054776006016162,
       "kendall_iso": null,
       "label_kind": "scratch",
       "metric": "top1_pct",
       "n": 8,
       "space": "autoformer-micro",
       "spearman": 0.4787529007367304
      }
     ],
     "ci95": [
      -0.3104590743629688,
      0.8512565307587486
     ],
     "joint": 0.3471825374147068
    }
   }
  }
 },
 "sign": 1,
 "statistics": [
  "activation",
  "activation_grad",
  "fan_out",
  "norm_width",
  "output",
  "output_grad"
 ]
}
"""
    ),
    __name__,
)
score = proxy.score
score_many = proxy.score_many
